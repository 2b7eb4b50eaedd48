package postgresstore

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"reconnect.example/storage"
)

//go:embed migrations/*.sql
var migrations embed.FS

// knownSchema is the number of the last migration.
const knownSchema = 1

const (
	migrationsTable = "reconnect.migrations"
	// schemaLock is held while the schema is created: "RcNt".
	schemaLock = 0x52634e74
)

// migrate brings the database to the form that this version knows. A database
// that is there already needs no more than a look, and no right to change it.
func migrate(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return explain(ctx, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	found, err := schemaOf(ctx, conn)
	if err != nil || found == knownSchema {
		return err
	}
	if err := createSchema(ctx, conn); err != nil {
		return explain(ctx, err)
	}
	if err := runMigrations(ctx, config); err != nil {
		return explain(ctx, err)
	}
	_, err = schemaOf(ctx, conn) // another process may have been newer, and first
	return err
}

// schemaOf returns the number of the last migration of a database, 0 if there was none.
func schemaOf(ctx context.Context, conn *pgx.Conn) (found int64, err error) {
	var there bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, migrationsTable).Scan(&there); err != nil {
		return 0, explain(ctx, err)
	}
	if !there {
		return 0, nil
	}
	err = conn.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM `+migrationsTable+` WHERE is_applied`).Scan(&found)
	if err != nil {
		return 0, explain(ctx, err)
	}
	if found > knownSchema {
		return 0, fmt.Errorf("%w: the database was written by a newer version of this program (schema %d; this one knows %d)",
			storage.ErrInvalid, found, knownSchema)
	}
	return found, nil
}

// createSchema makes the schema that everything lies in. Two processes that
// create it at once would disturb each other.
func createSchema(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(schemaLock)); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, `SELECT to_regnamespace('reconnect') IS NOT NULL`).Scan(&there); err != nil || there {
			return err
		}
		_, err := tx.Exec(ctx, `CREATE SCHEMA reconnect`)
		return err
	})
}

// runMigrations does what is missing, while it alone holds a lock of its session.
func runMigrations(ctx context.Context, config *pgx.ConnConfig) (err error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	store, err := database.NewStore(database.DialectPostgres, migrationsTable)
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120), lock.WithUnlockTimeout(1, 10))
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config.Copy())
	defer func() { _ = db.Close() }()
	provider, err := goose.NewProvider("", db, files, goose.WithStore(store), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}
