"""Messages from the image service's API to its workers.

Glance runs its tasks in the API's process; here they may be separate processes.
"""

from stackwire.contracts.base import Cast, Target

IMAGE_TASKS = Target(exchange="stackwire", topic="image-tasks")


class RunTask(Cast, target=IMAGE_TASKS, method="run_task"):
    """Runs the task with the rights of its owner; a duplicate message has no effect."""

    task_id: str
