package architecture

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// layers, lowest first: a package imports its own layer and those before it.
var layers = []string{"storage", "quota", "vault", "consent", "recovery", "refserver", "examples"}

// compositionRoots wire packages of several layers together, by name. Only what stands above every layer may import them.
var compositionRoots = []string{"vault/local", "vault/vaulttest", "consent/consenttest", "recovery/recoverytest"}

// testHelpers are public packages for other people's tests; they may use what tests use.
var testHelpers = []string{"storage/storagetest", "vault/vaulttest", "consent/consenttest", "recovery/recoverytest"}

// tools are internal programs and tests that look at everything; nothing imports them.
var tools = []string{"internal/bench", "internal/architecture"}

// forTests are internal packages that exist for tests and measurements only.
var forTests = []string{"internal/testkeys", "internal/testfiles", "internal/testkill", "internal/testservices", "internal/testvectors"}

// inside tells whether a package is one of these folders or lies in one.
func inside(pkg string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return pkg == f || strings.HasPrefix(pkg, f+"/") })
}

// layer is the place of a package in layers, or -1.
func layer(pkg string) int {
	return slices.Index(layers, strings.SplitN(pkg, "/", 2)[0])
}

// eachImport applies a rule to every import of the module; the rule returns what is wrong with it, or "".
func eachImport(m module, rule func(f file, imported string) string) []string {
	var broken []string
	for _, f := range m.files {
		for _, imported := range f.imports() {
			if wrong := rule(f, imported); wrong != "" {
				broken = append(broken, fmt.Sprintf("%s imports %s: %s", f.path, imported, wrong))
			}
		}
	}
	return broken
}

// direction: imports point one way. Tests may look upwards, since nothing is built from them.
func direction(m module) []string {
	return eachImport(m, func(f file, imported string) string {
		from, to := layer(f.pkg()), layer(imported)
		switch {
		case f.isTest():
			return ""
		case slices.Contains(compositionRoots, f.pkg()):
			if inside(imported, "refserver", "examples") {
				return "a composition root is a library"
			}
		case slices.Contains(compositionRoots, imported):
			if !inside(f.pkg(), "refserver", "examples", "internal/bench") {
				return "only what stands above every layer imports a composition root"
			}
		case inside(f.pkg(), "recovery/witness"):
			if to >= 0 && imported != "storage" && !inside(imported, "recovery/witness") || inside(imported, "internal") && imported != "internal/seal" {
				return "the witness stands alone: storage and internal/seal"
			}
		case inside(f.pkg(), "internal") && !inside(f.pkg(), tools...):
			if to >= 0 {
				return "internal packages lie below the layers"
			}
		case inside(imported, "storage") && imported != "storage" && inside(f.pkg(), "quota", "vault", "consent", "recovery"):
			return "who wires the packages chooses the driver"
		case from >= 0 && to > from:
			return "imports point one way: " + strings.Join(layers, " <- ")
		}
		return ""
	})
}

// oneSealer: only internal/seal knows the encryption library, and does no input or output, so that it can run in a browser. The second
// reader knows it too: it must open what is stored without internal/seal.
func oneSealer(m module) []string {
	return eachImport(m, func(f file, imported string) string {
		switch {
		case strings.HasPrefix(imported, "github.com/tink-crypto/") && !inside(f.pkg(), "internal/seal", secondReader):
			return "only internal/seal imports tink"
		case inside(f.pkg(), "internal/seal") && !f.isTest():
			if inside(imported, "os", "net", "syscall", "database/sql", "path/filepath") {
				return "internal/seal does no input or output"
			}
		}
		return ""
	})
}

// secondReader opens the stored format without this library, so that its description is proved to be enough.
const secondReader = "examples/reader"

// byItself: the second reader imports nothing of this module, nor the library that its CBOR is made with.
func byItself(m module) []string {
	return eachImport(m, func(f file, imported string) string {
		own := layer(imported) >= 0 || inside(imported, "internal") || imported == modulePath || inside(imported, "github.com/fxamacker")
		if inside(f.pkg(), secondReader) && !f.isTest() && own {
			return "the second reader is written from docs/format.md alone"
		}
		return ""
	})
}

// testsOnly: what makes testing easy, or cryptography cheap, is out of reach of what runs.
func testsOnly(m module) []string {
	libraries := []string{"testing", "github.com/stretchr/testify", "pgregory.net/rapid", "github.com/anishathalye/porcupine"}
	return eachImport(m, func(f file, imported string) string {
		if f.isTest() || slices.Contains(testHelpers, f.pkg()) || slices.Contains(forTests, f.pkg()) {
			return ""
		}
		switch {
		case inside(imported, forTests...) && !(imported == "internal/testfiles" && inside(f.pkg(), "internal/bench")):
			return "only tests may"
		case inside(imported, libraries...):
			return "only tests may"
		case inside(imported, testHelpers...):
			return "only tests may"
		}
		return ""
	})
}

// drawn: keys, tokens and codes come from crypto/rand, so what runs has no other source of chance at hand. Storage may, for how
// long it waits before it tries again: it makes no secrets. Measuring and tests may, too.
func drawn(m module) []string {
	return eachImport(m, func(f file, imported string) string {
		if inside(imported, "math/rand") && !f.isTest() && !slices.Contains(testHelpers, f.pkg()) && !slices.Contains(forTests, f.pkg()) && !inside(f.pkg(), "internal/bench", "storage") {
			return "what runs draws from crypto/rand"
		}
		return ""
	})
}

// oneDriver: a driver's library is imported by its driver, cloud libraries at the edge, and only the server writes a log. internal/seal
// names log/slog to redact keys that somebody logs by mistake.
func oneDriver(m module) []string {
	rules := []struct {
		path    string
		allowed []string
	}{
		{"modernc.org/sqlite", []string{"storage/sqlitestore"}},
		{"github.com/jackc/pgx", []string{"storage/postgresstore", "examples/ownqueue/pgqueue"}}, // each a driver
		{"database/sql", []string{"storage/sqlitestore", "storage/postgresstore"}},
		{"gocloud.dev/blob/s3blob", []string{"storage/bucket/s3bucket"}}, // so that who needs another cloud does not pay for it
		{"gocloud.dev/blob", []string{"storage/bucket", "refserver"}},
		{"github.com/aws", []string{"storage/bucket/s3bucket", "internal/testservices"}},
		{"google.golang.org/grpc", nil},
		{"github.com/hashicorp/go-hclog", []string{"refserver"}},
		{"github.com/prometheus", []string{"refserver"}},
		{"log", []string{"refserver", "examples", "internal/bench", "internal/seal"}},
	}
	return eachImport(m, func(f file, imported string) string {
		for _, rule := range rules {
			if !f.isTest() && inside(imported, rule.path) && !inside(f.pkg(), rule.allowed...) {
				return "allowed only in: " + strings.Join(rule.allowed, ", ")
			}
		}
		return ""
	})
}

// cheapKeys: the function that makes passwords cheap to guess, for tests, is named by its own package and by internal/testkeys alone.
func cheapKeys(m module) []string {
	var broken []string
	for _, f := range m.files {
		if inside(f.pkg(), "internal/seal", "internal/testkeys") {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if name, ok := n.(*ast.Ident); ok && name.Name == "SetTestFloor" {
				broken = append(broken, f.line(n.Pos())+" names SetTestFloor")
			}
			return true
		})
	}
	return broken
}

func TestNothingThatRunsCanMakePasswordsCheap(t *testing.T) {
	t.Parallel()
	require.Empty(t, cheapKeys(thisModule(t)))
	const calls = "package p\n\nimport \"reconnect.example/internal/seal\"\n\nvar _ = seal.SetTestFloor\n"
	require.Len(t, cheapKeys(parse(t, map[string]string{"vault/a.go": calls, "internal/testkeys/a.go": calls, "internal/seal/a.go": calls})), 1)
}

func TestImportsPointOneWay(t *testing.T) { t.Parallel(); require.Empty(t, direction(thisModule(t))) }
func TestOnlyOnePackageKnowsTheEncryption(t *testing.T) {
	t.Parallel()
	require.Empty(t, oneSealer(thisModule(t)))
}
func TestTheSecondReaderStandsAlone(t *testing.T) {
	t.Parallel()
	require.Empty(t, byItself(thisModule(t)))
}
func TestTestToolsStayInTests(t *testing.T) { t.Parallel(); require.Empty(t, testsOnly(thisModule(t))) }
func TestProductionCodeDrawsFromTheSystemAlone(t *testing.T) {
	t.Parallel()
	require.Empty(t, drawn(thisModule(t)))
}
func TestDriversKeepTheirLibrariesToThemselves(t *testing.T) {
	t.Parallel()
	require.Empty(t, oneDriver(thisModule(t)))
}
