-- Bodies are JSON that the tracer alone reads: PostgreSQL need not parse it.
ALTER TABLE crossings ALTER COLUMN told TYPE bytea USING convert_to(told::text, 'UTF8');
ALTER TABLE crossings RENAME COLUMN told TO body;

-- The latest messages, so that stories outlive the tracer. Bounded by the writer.
CREATE TABLE messages (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body bytea NOT NULL
);
