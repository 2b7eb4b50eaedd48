package architecture

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// importing is a module with one file that imports one path.
func importing(t *testing.T, name, imported string) module {
	return parse(t, map[string]string{name: "package p\n\nimport _ \"" + imported + "\"\n"})
}

// Each rule must find what breaks it, and leave alone what only looks like it.
func TestRulesOnImportsFindWhatBreaksThem(t *testing.T) {
	t.Parallel()
	const own, tink = modulePath + "/", "github.com/tink-crypto/tink-go/v2/tink"
	for _, example := range []struct {
		rule     func(module) []string
		file     string
		imported string
		broken   bool
	}{
		{direction, "vault/a.go", own + "quota", false},
		{direction, "vault/a.go", own + "storage", false},
		{direction, "vault/a.go", own + "internal/seal", false},
		{direction, "vault/a.go", own + "consent", true},
		{direction, "vault/a.go", own + "recovery/witness", true},
		{direction, "vault/a.go", own + "vault/local", true},
		{direction, "vault/a.go", own + "storage/sqlitestore", true},
		{direction, "vault/a_test.go", own + "recovery/witness", false},
		{direction, "storage/a.go", own + "quota", true},
		{direction, "storage/filestore/a.go", own + "storage", false},
		{direction, "storage/filestore/a.go", own + "vault", true},
		{direction, "quota/a.go", own + "vault", true},
		{direction, "quota/a.go", own + "storage/memstore", true},
		{direction, "consent/a.go", own + "vault", false},
		{direction, "consent/a.go", own + "recovery", true},
		{direction, "recovery/a.go", own + "consent", false},
		{direction, "recovery/a.go", own + "refserver/api", true},
		{direction, "recovery/witness/a.go", own + "storage", false},
		{direction, "recovery/witness/a.go", own + "internal/seal", false},
		{direction, "recovery/witness/a.go", own + "vault", true},
		{direction, "recovery/witness/a.go", own + "recovery", true},
		{direction, "recovery/witness/a.go", own + "storage/sqlitestore", true},
		{direction, "recovery/witness/a.go", own + "internal/cbor", true},
		{direction, "recovery/witness/client/a.go", own + "recovery/witness", false},
		{direction, "vault/local/a.go", own + "recovery/witness", false},
		{direction, "vault/local/a.go", own + "storage/sqlitestore", false},
		{direction, "vault/local/a.go", own + "refserver/config", true},
		{direction, "vault/locality/a.go", own + "recovery/witness", true},
		{direction, "vault/vaulttest/a.go", own + "vault/local", false},
		{direction, "refserver/a.go", own + "vault/local", false},
		{direction, "examples/embed/main.go", own + "vault/local", false},
		{direction, "vault/a.go", own + "examples/embed", true},
		{direction, "internal/seal/a.go", own + "storage", true},
		{direction, "internal/bench/main.go", own + "refserver", false},

		{drawn, "vault/a.go", "crypto/rand", false},
		{drawn, "vault/a.go", "math/rand", true},
		{drawn, "refserver/a.go", "math/rand/v2", true},
		{drawn, "vault/a_test.go", "math/rand/v2", false},
		{drawn, "internal/bench/a.go", "math/rand/v2", false},

		{oneDriver, "vault/a.go", "github.com/prometheus/client_golang/prometheus", true},
		{oneDriver, "refserver/a.go", "github.com/prometheus/client_golang/prometheus", false},

		{oneSealer, "internal/seal/a.go", tink, false},
		{oneSealer, "internal/seal/a_test.go", tink, false},
		{oneSealer, "vault/a.go", tink, true},
		{oneSealer, "vault/a_test.go", tink, true},
		{oneSealer, "internal/sealed/a.go", tink, true},
		{oneSealer, "examples/reader/a.go", tink, false},
		{oneSealer, "examples/embed/main.go", tink, true},
		{oneSealer, "internal/seal/a.go", "os", true},
		{oneSealer, "internal/seal/a.go", "net/http", true},
		{oneSealer, "internal/seal/a.go", "io", false},
		{oneSealer, "internal/seal/a_test.go", "os", false},

		{byItself, "examples/reader/a.go", own + "internal/seal", true},
		{byItself, "examples/reader/a.go", own + "vault", true},
		{byItself, "examples/reader/a.go", "github.com/fxamacker/cbor/v2", true},
		{byItself, "examples/reader/a.go", "crypto/ed25519", false},
		{byItself, "examples/reader/a_test.go", own + "internal/testvectors", false},
		{byItself, "examples/embed/main.go", own + "vault", false},

		{testsOnly, "vault/a.go", "github.com/stretchr/testify/require", true},
		{testsOnly, "vault/a.go", "pgregory.net/rapid", true},
		{testsOnly, "vault/a.go", "github.com/anishathalye/porcupine", true},
		{testsOnly, "vault/a.go", "testing", true},
		{testsOnly, "vault/a_test.go", "github.com/stretchr/testify/require", false},
		{testsOnly, "storage/storagetest/a.go", "github.com/stretchr/testify/require", false},
		{testsOnly, "vault/vaulttest/a.go", own + "internal/testkeys", false},
		{testsOnly, "vault/local/a.go", own + "internal/testkeys", true},
		{testsOnly, "refserver/main.go", own + "internal/testkeys", true},
		{testsOnly, "refserver/main_test.go", own + "internal/testkeys", false},
		{testsOnly, "refserver/main.go", own + "vault/vaulttest", true},
		{testsOnly, "internal/bench/main.go", own + "internal/testfiles", false},
		{testsOnly, "internal/bench/main.go", own + "internal/testkeys", true},

		{oneDriver, "storage/sqlitestore/a.go", "modernc.org/sqlite", false},
		{oneDriver, "vault/a.go", "modernc.org/sqlite", true},
		{oneDriver, "vault/a.go", "github.com/jackc/pgx/v5", true},
		{oneDriver, "vault/a.go", "gocloud.dev/blob", true},
		{oneDriver, "vault/a.go", "gocloud.dev/blob/s3blob", true},
		{oneDriver, "storage/bucket/a.go", "gocloud.dev/blob/s3blob", true},
		{oneDriver, "storage/bucket/a.go", "github.com/aws/aws-sdk-go-v2/aws", true},
		{oneDriver, "storage/bucket/s3bucket/a.go", "github.com/aws/aws-sdk-go-v2/aws", false},
		{oneDriver, "vault/a.go", "database/sql", true},
		{oneDriver, "vault/a.go", "log/slog", true},
		{oneDriver, "vault/a_test.go", "log", false},
		{oneDriver, "refserver/main.go", "github.com/hashicorp/go-hclog", false},
	} {
		broken := example.rule(importing(t, example.file, example.imported))
		if example.broken {
			require.Len(t, broken, 1, "%s importing %s", example.file, example.imported)
		} else {
			require.Empty(t, broken, "%s importing %s", example.file, example.imported)
		}
	}
}
