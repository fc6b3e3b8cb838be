-- What clients asked for and workers do later. A row outlives its image, and goes away some time after its end.
CREATE TABLE tasks (
    id varchar(36) PRIMARY KEY,
    type varchar(30) NOT NULL,
    status varchar(30) NOT NULL,
    owner varchar(255),
    image_id varchar(36),
    request_id varchar(64),
    user_id varchar(64),
    input json,
    result json,
    message text NOT NULL DEFAULT '',
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    deleted boolean NOT NULL GENERATED ALWAYS AS (deleted_at IS NOT NULL) STORED,
    -- Who works on it.
    worker varchar(255)
);
CREATE INDEX tasks_by_time ON tasks (created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX tasks_of_owner ON tasks (owner, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX tasks_of_image ON tasks (image_id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_that_end ON tasks (expires_at) WHERE deleted_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX tasks_that_wait ON tasks (updated_at) WHERE status = 'pending' AND deleted_at IS NULL;
CREATE INDEX tasks_at_work ON tasks (worker) WHERE worker IS NOT NULL;

-- The bytes that wait for an import.
ALTER TABLE images ADD COLUMN staged varchar(255);
