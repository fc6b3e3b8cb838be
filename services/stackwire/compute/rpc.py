"""What the compute service serves over the bus: Nova's conductor, scheduler and compute daemons."""

from stackwire.compute.flows.worker.attach_volume import Attach
from stackwire.compute.flows.worker.build_instance import Build
from stackwire.compute.flows.worker.compute_host import Hosting
from stackwire.compute.flows.worker.conductor import Conductor
from stackwire.compute.flows.worker.external_events import Ears
from stackwire.compute.flows.worker.power import Power
from stackwire.compute.flows.worker.rebuild_instance import Rebuild
from stackwire.compute.flows.worker.scheduler import Scheduler
from stackwire.compute.flows.worker.snapshot_instance import Snapshot
from stackwire.compute.flows.worker.terminate_instance import Delete
from stackwire.contracts import compute_workers as calls
from stackwire.contracts.base import Endpoint


def conductor_endpoints(conductor: Conductor) -> list[Endpoint]:
    return [
        calls.ScheduleAndBuildInstances.served_by(conductor.build),
        calls.RebuildInstance.served_by(conductor.rebuild),
        calls.AttachVolume.served_by(conductor.attach),
    ]


def scheduler_endpoints(scheduler: Scheduler) -> list[Endpoint]:
    return [
        calls.SelectDestinations.served_by(scheduler.select),
        calls.UpdateInstanceInfo.served_by(scheduler.update_info),
        calls.DeleteInstanceInfo.served_by(scheduler.delete_info),
        calls.SyncInstanceInfo.served_by(scheduler.sync_info),
    ]


def host_endpoints(hosting: Hosting) -> list[Endpoint]:
    power, snapshot, attach, ears = Power(hosting), Snapshot(hosting), Attach(hosting), Ears(hosting)
    return [
        calls.BuildAndRunInstance.served_by(Build(hosting).run),
        calls.RebuildInstanceOnHost.served_by(Rebuild(hosting).run),
        calls.TerminateInstance.served_by(Delete(hosting).run),
        calls.SnapshotInstance.served_by(snapshot.run),
        calls.QuiesceInstance.served_by(snapshot.quiesce),
        calls.UnquiesceInstance.served_by(snapshot.unquiesce),
        calls.StartInstance.served_by(power.start),
        calls.StopInstance.served_by(power.stop),
        calls.RebootInstance.served_by(power.reboot),
        calls.PauseInstance.served_by(power.pause),
        calls.UnpauseInstance.served_by(power.unpause),
        calls.SuspendInstance.served_by(power.suspend),
        calls.ResumeInstance.served_by(power.resume),
        calls.ReserveBlockDeviceName.served_by(attach.reserve),
        calls.AttachVolumeOnHost.served_by(attach.attach),
        calls.DetachVolume.served_by(attach.detach),
        calls.GetConsoleOutput.served_by(ears.console),
    ]


def event_endpoints(hosting: Hosting) -> list[Endpoint]:
    return [calls.ExternalInstanceEvent.served_by(Ears(hosting).hear)]
