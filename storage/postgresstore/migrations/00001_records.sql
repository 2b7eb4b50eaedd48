-- The form of the store. Package postgresstore says why it is right.

-- +goose Up

-- Keys are compared byte by byte whatever the language of the database is.
CREATE TABLE reconnect.records (
	key     text   COLLATE "C" PRIMARY KEY,
	version bigint NOT NULL,
	value   bytea  NOT NULL
);
-- Values are sealed, so that compressing them would only cost time.
ALTER TABLE reconnect.records ALTER COLUMN value SET STORAGE EXTERNAL;

-- A sequence is not rolled back and not counted back by a deletion: no version
-- is seen twice.
CREATE SEQUENCE reconnect.versions AS bigint;

-- commit writes if all checks hold and returns NULL, or writes nothing and
-- returns the key of a check that does not hold.
-- +goose StatementBegin
CREATE FUNCTION reconnect.commit(
	check_keys text[], check_versions bigint[], put_keys text[], put_values bytea[], delete_keys text[]
) RETURNS text LANGUAGE plpgsql VOLATILE
-- A plan that was made while the table was small must not be kept and read
-- through it from end to end when it has grown.
SET enable_seqscan = off
AS $$
DECLARE
	moved text;
	next  bigint;
BEGIN
	-- Under any other isolation the statements below would see the state from
	-- before the locks.
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION 'reconnect.commit needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
	END IF;
	-- What is acknowledged is on disk, whatever the role or the database was
	-- set to. It holds until the end of the transaction.
	IF current_setting('synchronous_commit') = 'off' THEN
		PERFORM set_config('synchronous_commit', 'on', true);
	END IF;

	-- One lock for each key, also of keys that have no record; in one order, so
	-- that no two commits wait for each other; until after the writes are seen.
	PERFORM CASE WHEN ordered.written THEN pg_advisory_xact_lock(ordered.lock) ELSE pg_advisory_xact_lock_shared(ordered.lock) END
	FROM (
		SELECT hashtextextended(named.key, 0) AS lock, bool_or(named.written) AS written
		FROM (
			SELECT unnest(put_keys || delete_keys) AS key, true AS written
			UNION ALL
			SELECT unnest(check_keys), false
		) AS named
		GROUP BY 1 ORDER BY 1
	) AS ordered;

	-- A new statement has a new snapshot: what others committed before they let
	-- go of their locks.
	SELECT c.key INTO moved
	FROM unnest(check_keys, check_versions) AS c (key, version)
	WHERE c.version <> coalesce((SELECT r.version FROM reconnect.records AS r WHERE r.key = c.key), 0)
	LIMIT 1;
	IF FOUND THEN
		RETURN moved;
	END IF;

	IF cardinality(delete_keys) > 0 THEN
		DELETE FROM reconnect.records WHERE key = ANY (delete_keys);
	END IF;
	IF cardinality(put_keys) > 0 THEN
		next := nextval('reconnect.versions');
		INSERT INTO reconnect.records (key, version, value)
		SELECT w.key, next, w.value FROM unnest(put_keys, put_values) AS w (key, value)
		ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value;
	END IF;
	RETURN NULL;
END
$$;
-- +goose StatementEnd
