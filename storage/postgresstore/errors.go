package postgresstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"reconnect.example/storage"
)

// The codes of PostgreSQL that mean something to a caller:
// https://www.postgresql.org/docs/current/errcodes-appendix.html
var sentinels = map[string]error{
	"53100": storage.ErrNoSpace,  // disk_full
	"25006": storage.ErrReadOnly, // read_only_sql_transaction
	"42501": storage.ErrReadOnly, // insufficient_privilege
	"42P07": storage.ErrInvalid,  // duplicate_table: the schema is another program's
	"3F000": storage.ErrDamaged,  // invalid_schema_name: somebody dropped it
	"42P01": storage.ErrDamaged,  // undefined_table
	"42883": storage.ErrDamaged,  // undefined_function
	"58P01": storage.ErrDamaged,  // undefined_file
	"XX001": storage.ErrDamaged,  // data_corrupted
	"XX002": storage.ErrDamaged,  // index_corrupted
}

// refusal is what this package itself finds wrong with a server.
type refusal struct {
	sentinel error
	why      string
}

func (r *refusal) Error() string { return fmt.Sprintf("%v: %s", r.sentinel, r.why) }
func (r *refusal) Unwrap() error { return r.sentinel }

// explain gives an error of pgx the sentinel that fits. It keeps nothing of the
// error itself: those of connecting carry the configuration, with the password,
// and those of reading the URL carry the URL.
//
// No failure of the server may become ErrNotFound, which would be taken for the
// absence of a record: a database that is gone is ErrUnavailable.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return ended // the reason why it failed, rather than the fact
	}
	var own *refusal
	if errors.As(err, &own) {
		return own
	}
	sentinel := storage.ErrUnavailable
	if known, ok := sentinels[code(err)]; ok {
		sentinel = known
	}
	return fmt.Errorf("%w: %s", sentinel, cause(err))
}

// cause says in words what is safe to say of an error of pgx.
func cause(err error) string {
	var server *pgconn.PgError
	var name *net.DNSError
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &server):
		return fmt.Sprintf("PostgreSQL says: %s (%s)", server.Message, server.Code)
	case errors.Is(err, context.DeadlineExceeded):
		return "the server did not answer in time"
	case errors.As(err, &name):
		return "the name of the server is not known: " + name.Err
	case errors.As(err, &certificate):
		return "the certificate of the server is not accepted: " + certificate.Err.Error()
	case errors.As(err, &network):
		return network.Err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "the connection was cut"
	case strings.Contains(err.Error(), "refused TLS"):
		return "the server does not speak TLS; see sslmode"
	}
	return "the connection failed"
}

// code returns the code of an error that the server sent, or "".
func code(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Code
	}
	return ""
}

// refused says whether err is the server's word that it did nothing and that
// the connection goes on. With a FATAL error it only says that the connection
// ends, and so do poolers when they lose theirs (class 08).
func refused(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && !strings.HasPrefix(server.Code, "08") &&
		(server.SeverityUnlocalized == "ERROR" || server.SeverityUnlocalized == "" && server.Severity == "ERROR")
}

// serialization says whether the server gave up a transaction only because of
// others: it did nothing and can be sent again.
func serialization(err error) bool {
	return refused(err) && (code(err) == "40001" || code(err) == "40P01")
}
