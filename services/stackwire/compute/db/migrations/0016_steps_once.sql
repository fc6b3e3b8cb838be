-- A step of an action is listed once until it fails, also when two processes begin with it at one moment.
DELETE FROM instance_actions_events AS e USING (
    SELECT id, row_number() OVER (PARTITION BY action_id, event ORDER BY finish_time NULLS LAST, id) AS place
    FROM instance_actions_events WHERE finish_time IS NULL OR result = 'Success'
) AS listed WHERE e.id = listed.id AND listed.place > 1;
CREATE UNIQUE INDEX instance_actions_events_once ON instance_actions_events (action_id, event)
    WHERE finish_time IS NULL OR result = 'Success';
