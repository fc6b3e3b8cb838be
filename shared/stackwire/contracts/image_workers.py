"""What the image service's API asks its own workers.

Glance runs its tasks in the API's process; here they may be apart.
"""

from stackwire.contracts.base import Cast, Target

IMAGE_TASKS = Target(exchange="stackwire", topic="image-tasks")


class RunTask(Cast, target=IMAGE_TASKS, method="run_task"):
    """Do what the task says, with the rights of who asked for it; told twice it is done once."""

    task_id: str
