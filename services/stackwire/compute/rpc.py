"""What the compute service serves over the bus: Nova's conductor, scheduler and compute daemons."""

from stackwire.compute.domain.states import ServerStates
from stackwire.compute.flows.registry import ApiFlows
from stackwire.compute.flows.worker.attach_volume import AttachVolume
from stackwire.compute.flows.worker.build_instance import BuildServer
from stackwire.compute.flows.worker.compute_host import ComputeHost
from stackwire.compute.flows.worker.conductor import Conductor
from stackwire.compute.flows.worker.conductor_moves import ConductorMoves
from stackwire.compute.flows.worker.confirm_instance import ConfirmServer
from stackwire.compute.flows.worker.consoles import Consoles
from stackwire.compute.flows.worker.evacuate_instance import EvacuateServer
from stackwire.compute.flows.worker.external_events import ExternalEvents
from stackwire.compute.flows.worker.guest_requests import GuestRequests
from stackwire.compute.flows.worker.image_cache import HostImageCaching, ImageCaching
from stackwire.compute.flows.worker.live_migration import LiveMigrations
from stackwire.compute.flows.worker.power import Power
from stackwire.compute.flows.worker.rescue_instance import RescueServer
from stackwire.compute.flows.worker.resize_instance import ResizeServer
from stackwire.compute.flows.worker.scheduler import Scheduler
from stackwire.compute.flows.worker.shelve_instance import ShelveServer
from stackwire.compute.flows.worker.snapshot_instance import SnapshotServer
from stackwire.compute.flows.worker.swap_volume import SwapVolume
from stackwire.compute.flows.worker.terminate_instance import TerminateServer
from stackwire.compute.flows.worker.unshelve_instance import UnshelveServer
from stackwire.contracts import compute_guests as guests
from stackwire.contracts import compute_moves as moves
from stackwire.contracts import compute_set_aside as aside
from stackwire.contracts import compute_workers as calls
from stackwire.contracts.base import Endpoint
from stackwire.contracts.compute import ServerExternalEvents, UpdateServerVolume
from stackwire.contracts.properties import ListServerProperties


def conductor_endpoints(
    conductor: Conductor, image_caching: ImageCaching, conductor_moves: ConductorMoves
) -> list[Endpoint]:
    """Topic ``conductor``."""
    return [
        calls.ScheduleAndBuildInstances.served_by(conductor.on_schedule_and_build_instances),
        calls.RebuildInstance.served_by(conductor_moves.evacuation.on_rebuild_instance),
        aside.UnshelveInstance.served_by(conductor.unshelve.on_unshelve_instance),
        calls.AttachVolume.served_by(conductor.on_attach_volume),
        calls.CacheImages.served_by(image_caching.on_cache_images),
        moves.MigrateServer.served_by(conductor_moves.on_migrate_server),
        moves.LiveMigrateInstance.served_by(conductor_moves.live.on_live_migrate_instance),
    ]


def scheduler_endpoints(scheduler: Scheduler) -> list[Endpoint]:
    """Topic ``scheduler``."""
    return [
        calls.SelectDestinations.served_by(scheduler.on_select_destinations),
        calls.UpdateInstanceInfo.served_by(scheduler.on_update_instance_info),
        calls.DeleteInstanceInfo.served_by(scheduler.on_delete_instance_info),
        calls.SyncInstanceInfo.served_by(scheduler.on_sync_instance_info),
        calls.UpdateAggregates.served_by(scheduler.on_update_aggregates),
        calls.DeleteAggregate.served_by(scheduler.on_delete_aggregate),
    ]


def host_endpoints(host: ComputeHost) -> list[Endpoint]:
    """Topic ``compute`` of one host."""
    power, snapshot, attach, events = Power(host), SnapshotServer(host), AttachVolume(host), ExternalEvents(host)
    consoles, guest = Consoles(host), GuestRequests(host)
    return [
        calls.BuildAndRunInstance.served_by(BuildServer(host).on_build_and_run_instance),
        calls.RebuildInstanceOnHost.served_by(EvacuateServer(host).on_rebuild_instance),
        calls.TerminateInstance.served_by(TerminateServer(host).on_terminate_instance),
        calls.SnapshotInstance.served_by(snapshot.on_snapshot_instance),
        calls.QuiesceInstance.served_by(snapshot.on_quiesce_instance),
        calls.UnquiesceInstance.served_by(snapshot.on_unquiesce_instance),
        calls.StartInstance.served_by(power.on_message(ServerStates.finish_start)),
        calls.StopInstance.served_by(power.on_message(ServerStates.finish_stop)),
        calls.RebootInstance.served_by(power.on_reboot_instance),
        calls.PauseInstance.served_by(power.on_message(ServerStates.finish_pause)),
        calls.UnpauseInstance.served_by(power.on_message(ServerStates.finish_unpause)),
        calls.SuspendInstance.served_by(power.on_message(ServerStates.finish_suspend)),
        calls.ResumeInstance.served_by(power.on_message(ServerStates.finish_resume)),
        calls.ReserveBlockDeviceName.served_by(attach.on_reserve_block_device_name),
        calls.AttachVolumeOnHost.served_by(attach.on_attach_volume),
        calls.DetachVolume.served_by(attach.on_detach_volume),
        calls.SwapVolume.served_by(SwapVolume(host).on_swap_volume),
        calls.GetConsoleOutput.served_by(events.on_get_console_output),
        guests.GetVncConsole.served_by(consoles.on_get("vnc")),
        guests.GetSpiceConsole.served_by(consoles.on_get("spice")),
        guests.GetSerialConsole.served_by(consoles.on_get("serial")),
        guests.GetMksConsole.served_by(consoles.on_get("mks")),
        guests.SetAdminPassword.served_by(guest.on_set_admin_password),
        guests.TriggerCrashDump.served_by(guest.on_trigger_crash_dump),
        guests.InjectNetworkInfo.served_by(guest.on_inject_network_info),
        guests.GetDiagnostics.served_by(guest.on_get_diagnostics),
        guests.GetInstanceDiagnostics.served_by(guest.on_get_instance_diagnostics),
        calls.CacheImagesOnHost.served_by(HostImageCaching(host).on_cache_images),
        *_set_aside_endpoints(host),
        *_move_endpoints(host),
    ]


def _set_aside_endpoints(host: ComputeHost) -> list[Endpoint]:
    shelve, rescue, power = ShelveServer(host), RescueServer(host), Power(host)
    return [
        aside.BackupInstance.served_by(SnapshotServer(host).on_backup_instance),
        aside.SoftDeleteInstance.served_by(power.on_message(ServerStates.finish_soft_delete)),
        aside.RestoreInstance.served_by(power.on_message(ServerStates.finish_restore)),
        aside.RescueInstance.served_by(rescue.on_rescue_instance),
        aside.UnrescueInstance.served_by(rescue.on_unrescue_instance),
        aside.ShelveInstance.served_by(shelve.on_shelve_instance),
        aside.ShelveOffloadInstance.served_by(shelve.on_shelve_offload_instance),
        aside.UnshelveInstanceOnHost.served_by(UnshelveServer(host).on_unshelve_instance),
    ]


def _move_endpoints(host: ComputeHost) -> list[Endpoint]:
    resize, confirm, live = ResizeServer(host), ConfirmServer(host), LiveMigrations(host)
    return [
        moves.PrepResize.served_by(resize.on_prep_resize),
        moves.ConfirmResize.served_by(confirm.on_confirm_resize),
        moves.RevertResize.served_by(confirm.on_revert_resize),
        moves.CheckCanLiveMigrateDestination.served_by(live.on_check_destination),
        moves.CheckCanLiveMigrateSource.served_by(live.on_check_source),
        moves.ForceCompleteLiveMigration.served_by(live.on_force_complete),
        moves.AbortLiveMigration.served_by(live.on_abort),
    ]


def api_endpoints(flows: ApiFlows) -> list[Endpoint]:
    """What other services send to the API."""
    return [
        ServerExternalEvents.served_by(flows.external_events.on_server_external_events),
        UpdateServerVolume.served_by(flows.swap_volume.on_update_server_volume),
        ListServerProperties.served_by(flows.properties.list_properties),
    ]


def alternate_endpoints(host: ComputeHost) -> list[Endpoint]:
    """The topic on which a host receives external events, and what goes on of moves, beside its other work."""
    resize, confirm, live = ResizeServer(host), ConfirmServer(host), LiveMigrations(host)
    return [
        calls.ExternalInstanceEvent.served_by(ExternalEvents(host).on_external_instance_event),
        moves.ResizeInstance.served_by(resize.on_resize_instance),
        moves.FinishResize.served_by(resize.on_finish_resize),
        moves.FinishRevertResize.served_by(confirm.on_finish_revert_resize),
        moves.LiveMigration.served_by(live.on_live_migration),
        moves.PreLiveMigration.served_by(live.on_pre_live_migration),
        moves.PostLiveMigrationAtDestination.served_by(live.on_post_live_migration),
    ]
