// Package postgresstore keeps records in a database of PostgreSQL 13 or later,
// for as many processes as like to share it. It is registered as "postgres" and
// "postgresql":
//
//	postgres://safe@db.example/safe?passfile=/etc/safe/pgpass
//	postgres:///safe?host=/var/run/postgresql&user=safe
//
// The options of a URL are host, port, user, password, passfile, dbname,
// sslmode and the other ssl… of libpq, connect_timeout (10 s), application_name
// ("reconnect") and pool_max_conns (8, or twice the number of processors if that
// is more). PGPASSFILE and the other variables of libpq fill in what the URL
// leaves out. Unless the URL or PGSSLMODE says otherwise, a server on another
// machine must show a certificate for its name (sslmode=verify-full); give the
// file of your authority with sslrootcert.
//
// # Preparing a database
//
// One database for one store, in any language and encoding:
//
//	CREATE ROLE safe LOGIN PASSWORD '…';
//	CREATE DATABASE safe OWNER safe;
//
// Open makes the schema "reconnect" in it, and brings it up to date when a newer
// version of this package opens it; processes that start together wait for the
// one that does it, at most two minutes. A role that may not change the schema
// can open a database that is up to date: docs/drivers.md has its grants.
//
// # Why a commit is right
//
// A commit is one call of the function reconnect.commit, and so one round trip
// and one transaction. Under READ COMMITTED it does, in this order and each in a
// statement of its own:
//
//  1. Lock. It takes a lock (pg_advisory_xact_lock) of every key that it names,
//     alone for those it writes and shared with others for those it only checks.
//     These locks are of keys and not of rows, so that also the absence of a
//     record is locked.
//  2. Check. Each statement of READ COMMITTED sees all that was committed before
//     it began, and so all that was committed before the locks were granted.
//  3. Write, with a version from a sequence, which gives none twice.
//
// PostgreSQL lets go of such locks at the end of the transaction, after its
// writes have become visible to all. So from the moment of the check until the
// writes are visible nobody else's write of a checked or written key becomes
// visible: who would write it waits for the lock, and who had the lock before
// became visible before it let go, and was seen by the check. The moment at
// which the writes become visible is the one instant at which the commit takes
// effect, and all its checks hold then. That is two-phase locking; the usual
// gaps are closed as follows:
//
//   - Two commits that each write what the other checks (write skew): one has the
//     key alone, the other wants to share it. One waits, and then finds that its
//     check does not hold. It is the same for two that check that the other's
//     key is absent.
//   - Blind writes take the same lock as others.
//   - One statement that checks and writes would not do: it sees the state from
//     before it waited for a lock. Neither would the same function under
//     REPEATABLE READ or SERIALIZABLE, which see the state from before the first
//     lock: the function refuses to run there, and Open refuses a database whose
//     default that is. SERIALIZABLE without locks would do, but among eight
//     writers gives up about every tenth commit, of records that nobody else
//     touches.
//   - Deadlocks do not arise, since all lock in the order of the keys' hashes.
//     Keys whose hashes collide share a lock, which is slower and not wrong.
//   - Get, Scan and a commit that only checks are one statement, which sees the
//     state of one instant between call and return, and all commits that had
//     returned before.
//   - Get and Scan answer from the primary only: a standby lags.
//
// If PostgreSQL gives up a transaction all the same (serialization failure,
// deadlock with a stranger) the driver sends it again, eight times at most.
//
// # Durability
//
// A commit is flushed to the disk of the server when it is answered, and to its
// synchronous standbys if it has any. A role, database or server that is set to
// synchronous_commit=off is overruled in every commit, and a server with
// fsync=off is refused. Who fails over to a standby that is not synchronous, or
// restores a backup, goes back in time: the last commits are gone.
//
// # Failures
//
// What ends before a commit was sent is ErrUnavailable, or the error of the
// context, and nothing happened. What the server refuses is the error that fits:
// ErrNoSpace, ErrReadOnly, ErrDamaged, ErrUnavailable. A connection that breaks,
// a server that ends and a context that ends after a commit was sent are
// ErrUnknown, and [storage.Store.Transact] finds out. A read is tried once more
// on a new connection. No error repeats the URL or a password.
//
// # Poolers
//
// PgBouncer and the like may stand between, also in transaction mode: the driver
// keeps nothing in a session, no prepared statements, settings or locks. Two
// things need care. The pooler must lead to the primary. And migrations hold a
// lock of their session: after an update of this package let one process open
// the database directly first; the others find it up to date and lock nothing.
package postgresstore
