-- Each process of the service has a relay, which its own commits wake: nobody listens for those of others, and the
-- notification made all commits that say something wait for one another.
DROP TRIGGER outbox_wakes ON outbox;
DROP FUNCTION wake_relay();
