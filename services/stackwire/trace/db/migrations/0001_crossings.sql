-- Crossings and image events as they were read, so that a new start knows what an earlier one saw. Bounded by the writer.
CREATE TABLE crossings (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    told jsonb NOT NULL
);

-- What people call things: the last of two with one name is meant.
CREATE TABLE names (
    name text PRIMARY KEY,
    kind text NOT NULL,
    id text NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY
);
