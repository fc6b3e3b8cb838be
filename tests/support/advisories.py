"""Every known hole of the originals, and what stands against it here: a test, or the reason why it cannot be ours.

Rows bear the numbers of the catalogue the project was planned with. ``unit/support/test_advisories.py`` proves that
none is left out, that each test named here is there, and that each test of an advisory is named here.
"""

from dataclasses import dataclass

IMAGE, VOLUME, SERVER, ALL, PLACES = (
    f"flows/test_advisories_{name}.py" for name in ("image", "volume", "server", "everywhere", "locations")
)


@dataclass(frozen=True, slots=True)
class Advisory:
    """``tests``: ``file.py: test_name``, where ``tests/`` is the root. ``not_ours``: why some or all of it is not."""

    number: int
    ids: str
    subject: str
    tests: tuple[str, ...] = ()
    not_ours: str = ""


def _at(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{file}: test_{name}" for name in names)


ADVISORIES = (
    Advisory(
        1, "CVE-2012-0030", "the project of the URL was believed",
        _at(ALL, "cve_2012_0030_the_project_of_a_path_is_not_believed"),
    ),
    Advisory(
        2, "CVE-2012-4573, CVE-2012-5482", "a delete that asked nobody",
        _at(IMAGE, "cve_2012_4573_every_verb_asks_who_owns_the_image"),
    ),
    Advisory(
        3, "CVE-2013-0208", "boot from somebody else's volume",
        _at(SERVER, "cve_2013_0208_nobody_boots_anothers_volume"),
    ),
    Advisory(
        4, "CVE-2013-2096, CVE-2013-4463, CVE-2013-4469", "a small file that unfolds",
        (
            *_at("flows/test_bad_input_volume.py", "a_volume_that_cannot_be_is_refused"),
            *_at("flows/test_bad_input_server.py", "a_server_that_cannot_be_is_refused"),
            *_at("flows/test_image_bytes.py", "a_disk_larger_than_any_volume_fits_nowhere"),
        ),
    ),
    Advisory(
        5, "CVE-2013-4428", "the cache before the policy",
        (
            *_at(
                "flows/test_image_cache.py", "who_is_forbidden_to_download_is_so_though_the_bytes_are_cached",
                "who_does_not_see_the_image_does_not_see_it_in_the_cache",
            ),
            *_at("flows/test_image_isolation.py", "who_may_do_what"),
        ),
    ),
    Advisory(
        6, "CVE-2014-5356", "an upload without an end",
        _at("flows/test_image_data.py", "one_byte_over_the_cap_is_too_many_however_it_is_sent"),
    ),
    Advisory(
        7, "CVE-2014-9493", "locations that are files of the host",
        (
            *_at(IMAGE, "cve_2014_9493_and_2016_0757_places_of_data_are_not_the_users"),
            *_at("flows/test_image_locations.py", "what_is_no_location_is_refused_and_changes_nothing"),
            *_at("flows/test_image_location_import.py", "what_is_no_location_is_refused_and_no_task"),
        ),
    ),
    Advisory(
        8, "CVE-2014-9623", "deleted while it is uploaded",
        _at(
            "flows/test_image_data.py", "an_image_deleted_during_its_upload_takes_its_bytes_with_it",
            "uploads_racing_with_deletes_leave_no_bytes",
        ),
    ),
    Advisory(
        9, "CVE-2015-1851, CVE-2015-7548", "what a guest wrote taken for a format",
        (
            *_at(VOLUME, "cve_2015_1851_what_a_guest_wrote_is_the_images_content_and_no_format"),
            *_at(SERVER, "cve_2015_7548_what_a_guest_wrote_is_the_snapshots_content_and_no_format"),
        ),
    ),
    Advisory(
        10, "CVE-2015-5251", "a header that makes an image active",
        (
            *_at(IMAGE, "cve_2015_5251_a_header_does_not_make_an_image_active"),
            *_at("flows/test_bad_input_image.py", "headers_of_the_first_api_mean_nothing"),
        ),
    ),
    Advisory(
        11, "CVE-2016-0757", "active data replaced",
        (
            *_at(
                "flows/test_image_locations.py", "an_active_image_keeps_a_location_and_gets_each_once",
                "with_the_bug_an_image_without_locations_takes_other_bytes",
            ),
            *_at(IMAGE, "cve_2014_9493_and_2016_0757_places_of_data_are_not_the_users"),
            *_at("flows/test_image_data.py", "active_data_is_never_replaced"),
        ),
    ),
    Advisory(
        12, "CVE-2017-7214, CVE-2017-2592", "tokens and passwords leaked",
        (
            *_at(
                "flows/test_canary.py", "no_secret_is_revealed_while_all_goes_well",
                "no_secret_is_revealed_while_everything_fails",
            ),
            *_at("unit/messaging/test_failure.py", "no_secret_leaves_in_a_failure"),
            *_at("unit/core/test_context.py", "a_notification_never_carries_the_token"),
        ),
    ),
    Advisory(
        13, "CVE-2023-2088", "a volume cut off behind its server's back",
        (
            *_at(VOLUME, "cve_2023_2088_a_user_does_not_detach_behind_the_servers_back"),
            *_at("flows/test_volume_refusals.py", "an_attachment_that_a_server_uses_is_cut_by_a_service_only"),
        ),
    ),
    Advisory(
        14, "CVE-2024-32498", "a qcow2 with its data in a file of the host",
        (
            *_at("flows/test_image_bytes.py", "what_bytes_may_be_called"),
            *_at(PLACES, "cve_2024_32498_an_unsafe_image_elsewhere_is_used_by_nobody"),
            *_at(
                "flows/test_planted_bytes.py", "unsafe_images_that_came_past_the_door_are_used_by_nobody",
                "bytes_that_changed_in_the_store_are_used_by_nobody",
            ),
        ),
    ),
    Advisory(
        15, "CVE-2026-34881", "an import that is led to inner hosts",
        (
            *_at(PLACES, "cve_2026_34881_a_location_leads_to_no_inner_host"),
            *_at(
                "contract/image/test_web.py", "no_redirect_leads_to_this_machine",
                "a_name_that_means_this_machine_is_never_connected_to",
            ),
            *_at(
                "flows/test_web_download.py", "what_must_not_be_fetched_is_refused_at_once",
                "this_machine_is_not_connected_to",
            ),
        ),
    ),
    Advisory(
        16, "CVE-2024-40767", "called raw and not looked into",
        _at("flows/test_image_bytes.py", "what_bytes_may_be_called"),
    ),
    Advisory(
        17, "CVE-2022-47951", "a VMDK that names a file of the host",
        _at("flows/test_image_bytes.py", "what_bytes_may_be_called"),
    ),
    Advisory(
        18, "CVE-2015-5163", "an import of a backing file",
        _at("flows/test_image_import.py", "content_that_would_not_be_uploaded_is_not_imported"),
    ),
    Advisory(
        19, "CVE-2014-3641", "a planted header and a clone",
        _at(VOLUME, "cve_2014_3641_what_a_guest_wrote_is_no_format_to_a_clone"),
    ),
    Advisory(
        20, "CVE-2014-0134, CVE-2016-2140, CVE-2026-24708", "a planted header and a rescue, resize or rebuild",
        _at(SERVER, "cve_2015_7548_what_a_guest_wrote_is_the_snapshots_content_and_no_format"),
        "a rebuild and a rescue are tested; a resize reads no header: the disk is moved as it is",
    ),
    Advisory(
        21, "CVE-2015-5162", "a crafted image that eats memory and time",
        (
            *_at("unit/image/test_inspection.py", "crafted_headers_cost_neither_work_nor_memory"),
            *_at("contract/volume/test_outside_programs.py", "an_outside_program_is_bounded"),
        ),
    ),
    Advisory(
        22, "CVE-2016-4383", "an id taken again",
        _at("flows/test_bad_input_image.py", "an_id_is_taken_for_ever"),
    ),
    Advisory(
        23, "CVE-2016-8611", "images without end",
        (
            *_at("flows/test_image_usage.py", "what_would_be_more_than_a_limit_is_refused_and_costs_nothing"),
            *_at("flows/test_image_layers.py", "a_project_has_no_more_images_than_it_may_however_many_ask"),
        ),
    ),
    Advisory(
        24, "CVE-2022-4134", "an owner who sees and sets locations",
        (
            *_at("flows/test_image_locations.py", "locations_are_shown_and_changed_only_where_the_operator_says_so"),
            *_at(IMAGE, "cve_2022_4134_data_swapped_under_a_checksum_is_used_by_nobody"),
            *_at(PLACES, "cve_2022_4134_what_changed_elsewhere_is_used_by_nobody"),
            *_at("flows/test_image_isolation.py", "who_may_do_what"),
        ),
    ),
    Advisory(
        25, "CVE-2013-4354", "images pushed into others' lists",
        _at("flows/test_image_isolation.py", "what_is_in_whose_list"),
    ),
    Advisory(
        26, "CVE-2013-0212", "a store's error with its password",
        (
            *_at(IMAGE, "cve_2013_0212_a_store_that_fails_reveals_nothing_of_itself"),
            *_at(
                "flows/test_image_s3.py", "an_upload_that_s3_refuses_is_refused_and_the_image_is_queued_again",
                "no_key_gets_into_a_log_or_an_answer",
            ),
        ),
    ),
    Advisory(
        27, "CVE-2013-1840", "a store's address in an answer",
        (
            *_at(IMAGE, "cve_2013_1840_no_answer_reveals_where_the_data_is"),
            *_at(PLACES, "cve_2013_1840_where_data_lies_is_revealed_to_nobody_but_services"),
            *_at("flows/test_image_s3.py", "administrators_learn_of_the_store_what_is_no_secret"),
        ),
    ),
    Advisory(
        28, "CVE-2014-1948", "a store's address in the log",
        (
            *_at("flows/test_image_s3.py", "no_key_gets_into_a_log_or_an_answer"),
            *_at("unit/messaging/test_options.py", "a_url_is_shown_without_user_and_password"),
            *_at("unit/trace/test_redact.py", "a_secret_is_hidden_wherever_it_is"),
        ),
    ),
    Advisory(
        29, "CVE-2014-7230, CVE-2014-7231", "spellings of a password",
        (
            *_at("unit/messaging/test_failure.py", "no_secret_leaves_in_a_failure"),
            *_at("unit/trace/test_redact.py", "a_secret_is_hidden_wherever_it_is"),
        ),
    ),
    Advisory(
        30, "CVE-2014-0162", "a location that reached a shell",
        (
            *_at("unit/source/test_source.py", "no_shell_is_ever_asked"),
            *_at("flows/test_bad_input_image_data.py", "an_image_that_is_not_there"),
        ),
    ),
    Advisory(
        31, "CVE-2015-1195", "another spelling of file://",
        (
            *_at(IMAGE, "cve_2015_1195_no_scheme_is_a_way_in"),
            *_at("flows/test_image_locations.py", "what_is_no_location_is_refused_and_changes_nothing"),
            *_at("flows/test_image_location_import.py", "what_is_no_location_is_refused_and_no_task"),
        ),
    ),
    Advisory(
        32, "CVE-2011-4596, CVE-2012-3360, CVE-2012-3361, CVE-2012-3447", "paths in names",
        _at(IMAGE, "cve_2011_4596_names_are_no_paths"),
        "files written into a guest (personality) lie on its config drive under names of ours; nothing opens its disk",
    ),
    Advisory(
        33, "CVE-2014-9684, CVE-2015-1881, CVE-2015-3289", "what a deleted image's import leaves",
        (
            *_at(IMAGE, "cve_2014_9684_an_image_deleted_while_it_is_imported_leaves_nothing"),
            *_at("flows/test_web_download.py", "an_image_deleted_while_it_is_fetched_leaves_nothing"),
        ),
    ),
    Advisory(
        34, "CVE-2015-5286", "a token that ends during an upload",
        _at(IMAGE, "cve_2015_5286_a_token_that_ends_during_an_upload_leaves_no_half_image"),
    ),
    Advisory(
        35, "OSSN-0105", "an older door to imports",
        _at("flows/test_image_tasks.py", "tasks_are_for_administrators", "a_task_that_makes_no_sense_is_none"),
    ),
    Advisory(
        36, "OSSN-0078, CVE-2017-7200", "copy_from, which asks any host",
        _at(
            "flows/test_image_v1.py", "later_releases_have_no_v1",
            "an_image_is_copied_from_the_web_under_the_guard_of_imports",
        ),
    ),
    Advisory(
        37, "OSSN-0013", "a later rule of protection that undid a stricter one",
        (
            *_at("unit/image/test_protection.py", "the_first_section_that_matches_decides"),
            *_at("flows/test_image_layers.py", "who_may_do_what_with_a_protected_property"),
        ),
    ),
    Advisory(
        38, "OSSN-0015", "users who publish",
        _at("flows/test_image_isolation.py", "who_may_do_what"),
    ),
    Advisory(
        39, "OSSN-0048", "a check that was an assert",
        (
            *_at("stack/test_optimised.py", "what_is_refused_is_refused_without_asserts_too"),
            *_at("unit/source/test_source.py", "no_check_is_an_assert"),
        ),
    ),
    Advisory(
        40, "OSSN-0060", "a service's account instead of the user's",
        _at(ALL, "ossn_0060_a_service_asks_another_in_the_users_name"),
    ),
    Advisory(
        41, "OSSN-0061", "MD5 in a signature",
        _at("flows/test_image_signatures.py", "what_cannot_be_believed_is_not_kept"),
    ),
    Advisory(
        42, "OSSN-0063", "a cache across users",
        (
            *_at(ALL, "ossn_0063_who_is_answered_first_decides_for_nobody_else"),
            *_at("flows/test_image_signatures.py", "certificates_are_fetched_from_barbican_with_the_users_token"),
        ),
    ),
    Advisory(
        43, "LP 1916926", "metadata definitions anybody writes",
        _at("flows/test_image_metadefs.py", "who_may_do_what_with_whose_namespace"),
    ),
    Advisory(
        44, "the note on list_cached_nodes", "inner addresses of nodes",
        _at("flows/test_image_cache.py", "the_cache_is_the_administrators"),
    ),
    Advisory(
        45, "CVE-2013-4183, OSSN-0016, CVE-2017-15139", "old data in a new volume",
        _at(
            "flows/test_planted_bytes.py", "what_was_deleted_is_in_no_new_volume",
            "what_a_volume_has_beyond_its_source_reads_as_zeroes", "a_deleted_image_is_in_no_store_cache_or_volume",
            "a_servers_disk_is_its_own_and_goes_with_it",
        ),
        "there is no setting of how to wipe: what is deleted is unlinked, and what is new is holes",
    ),
    Advisory(
        46, "CVE-2013-1664, CVE-2013-1665, CVE-2013-4179, CVE-2013-4202", "bombs of XML",
        _at("flows/test_bad_input_transport.py", "a_body_of_another_kind_is_refused", "a_bomb_is_not_unpacked"),
    ),
    Advisory(
        47, "CVE-2020-10755", "credentials of a back end in connection_info",
        _at(VOLUME, "cve_2020_10755_an_attachment_reveals_no_login"),
    ),
    Advisory(
        48, "LP 1740950", "hosts in volumes' attachments",
        _at(SERVER, "what_hangs_on_a_server_is_its_own_projects"),
    ),
    Advisory(
        49, "CVE-2012-1585", "endless names in the log",
        _at(ALL, "cve_2012_1585_a_large_name_is_refused_and_hardly_a_line_in_the_log"),
    ),
    Advisory(
        50, "CVE-2012-3371", "hints that are thousands of queries",
        _at(
            SERVER, "cve_2012_3371_no_list_in_a_request_is_a_list_of_queries",
            "cve_2012_3371_a_list_is_a_few_queries_however_long",
        ),
    ),
    Advisory(
        51, "CVE-2013-2256, CVE-2013-4278", "private flavors",
        _at(SERVER, "cve_2013_2256_a_private_flavor_is_not_there_for_others"),
    ),
    Advisory(
        52, "CVE-2013-4261", "a message that kills its consumer",
        _at("contract/transports/test_rpc.py", "poison_is_rejected_and_the_consumer_lives"),
    ),
    Advisory(
        53, "CVE-2013-6419", "metadata by a guessed id",
        _at(SERVER, "what_hangs_on_a_server_is_its_own_projects"),
    ),
    Advisory(
        54, "CVE-2013-6437", "a host's cache without a bound",
        _at(SERVER, "cve_2013_6437_a_hosts_cache_ends_and_is_named_after_nothing_a_user_says"),
    ),
    Advisory(
        55, "CVE-2014-0167", "a second door without a policy",
        _at("flows/test_volume_calls.py", "the_bus_is_no_back_door"),
    ),
    Advisory(
        56, "CVE-2014-3517", "secrets compared with ==",
        _at("unit/source/test_source.py", "no_secret_is_compared_byte_by_byte"),
    ),
    Advisory(
        57, "CVE-2015-3241, CVE-2015-3280, CVE-2016-7498", "deleted while it was moved",
        _at(
            SERVER, "cve_2015_3241_a_server_is_deleted_whatever_is_done_to_it_and_leaves_nothing",
            "cve_2015_3280_a_server_is_deleted_in_the_middle_of_a_move_and_leaves_nothing",
        ),
    ),
    Advisory(
        58, "CVE-2017-16239, CVE-2017-17051", "a rebuild that asks no scheduler, or is counted twice",
        (
            *_at(SERVER, "cve_2017_17051_rebuilds_are_counted_once"),
            *_at("flows/test_server_build.py", "a_rebuild_no_host_suits_keeps_the_old_image_ref"),
        ),
    ),
    Advisory(
        59, "CVE-2017-18191", "encrypted data used as it is",
        _at(SERVER, "cve_2017_18191_an_encrypted_volumes_image_does_not_boot"),
        "volumes are not encrypted (501); an image that says it is goes into one as Cinder lets it",
    ),
    Advisory(
        60, "CVE-2019-14433", "a fault that reveals internals",
        (
            *_at(SERVER, "cve_2019_14433_a_fault_reveals_nothing_of_the_host"),
            *_at("unit/compute/test_views.py", "a_faults_details_are_for_administrators"),
        ),
    ),
    Advisory(
        61, "CVE-2015-9543", "a console's token in the log",
        (
            *_at(SERVER, "cve_2015_9543_a_consoles_token_is_in_no_log_and_no_row"),
            *_at("unit/trace/test_redact.py", "a_consoles_token_is_hidden"),
        ),
    ),
    Advisory(
        62, "LP 1739646", "flavors without a disk",
        _at(SERVER, "bug_1739646_an_image_does_not_decide_how_much_disk_it_takes"),
    ),
    Advisory(
        63, "LP 2112187, OSSN-0094", "a volume swapped by hand",
        _at(SERVER, "what_hangs_on_a_server_is_its_own_projects"),
    ),
    Advisory(
        64, "OSSN-0101", "a list that grows with each request",
        _at(ALL, "ossn_0101_what_is_asked_leaves_nothing_behind_in_the_process"),
    ),
    Advisory(
        65, "CVE-2026-22797", "headers of identity",
        (
            *_at("flows/test_bad_input_transport.py", "headers_of_a_client_give_no_standing"),
            *_at("unit/http/test_app.py", "identity_headers_a_client_sends_itself_are_not_believed"),
        ),
    ),
    Advisory(
        66, "CVE-2012-2101, CVE-2013-1838", "things without a quota",
        (
            *_at("flows/test_bad_input_image.py", "an_image_that_cannot_be_is_refused"),
            *_at("flows/test_bad_input_volume.py", "a_volume_that_cannot_be_is_refused"),
            *_at("flows/test_bad_input_server.py", "a_server_that_cannot_be_is_refused"),
        ),
    ),
    Advisory(
        67, "OSSN-0096", "a broker's name that is not looked at",
        _at(
            "contract/transports/test_rabbitmq_tls.py", "a_broker_of_another_name_is_not",
            "a_broker_of_the_right_name_by_a_trusted_signature_is_spoken_to",
            "a_broker_by_a_signature_nobody_trusts_is_not",
        ),
    ),
    Advisory(
        68, "OSSN-0102", "a part reached through a whole it is not of",
        _at(ALL, "ossn_0102_a_part_is_found_only_in_its_whole"),
    ),
    Advisory(
        69, "OSSN-0103", "another project in a filter",
        _at(
            ALL, "ossn_0103_another_project_in_a_filter_shows_nothing_more",
            "ossn_0103_what_is_anothers_is_in_no_list_and_no_sum",
        ),
    ),
)  # fmt: skip
