package architecture

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden list of the core's dependencies anew")

const golden = "testdata/core-dependencies.txt"

// core is what an embedder needs at least; its dependencies are the price of embedding.
var core = []string{"storage", "quota", "vault", "consent", "recovery"}

// heavy libraries belong to drivers and to the server. The list says which mistake was made; the golden list finds any other.
var heavy = []string{
	"google.golang.org/grpc", "google.golang.org/api", "cloud.google.com", "gocloud.dev", "github.com/aws", "github.com/Azure",
	"database/sql", "modernc.org", "github.com/jackc", "github.com/stretchr", "pgregory.net", "github.com/anishathalye", "testing",
}

// tooHeavy finds the heavy among import paths.
func tooHeavy(paths []string) []string {
	var found []string
	for _, p := range paths {
		if inside(p, heavy...) {
			found = append(found, p)
		}
	}
	return found
}

// dependencies are all packages that the core needs to build on Linux, in order.
func dependencies(t *testing.T) []string {
	var packages []string
	for _, pkg := range core {
		files, err := filepath.Glob(filepath.Join(root, pkg, "*.go"))
		require.NoError(t, err)
		if len(files) > 0 { // a release may not have them all yet
			packages = append(packages, "./"+pkg)
		}
	}
	return needed(t, packages...)
}

// needed are all packages that a build on Linux needs, in order.
func needed(t *testing.T, arguments ...string) []string {
	list := exec.Command("go", append([]string{"list", "-deps"}, arguments...)...)
	list.Dir = root
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	list.Stderr = os.Stderr
	out, err := list.Output()
	require.NoError(t, err)
	paths := strings.Fields(string(out))
	slices.Sort(paths)
	return paths
}

func TestCoreDependenciesStayFewAndKnown(t *testing.T) {
	t.Parallel()
	all := dependencies(t)
	require.Empty(t, tooHeavy(all))

	// What has a dot in its first element is not the standard library.
	foreign := slices.DeleteFunc(all, func(p string) bool {
		first, _, _ := strings.Cut(p, "/")
		return !strings.Contains(first, ".") || inside(p, modulePath)
	})
	got := strings.Join(foreign, "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "the core depends on something else than before; if that is wanted, run with -update")
}

// Who tries the server compiles it first: what one machine does not need is left to those who say so.
func TestTheServerBringsClientsOfServicesWithATagOnly(t *testing.T) {
	t.Parallel()
	services := []string{"google.golang.org/grpc", "google.golang.org/api", "cloud.google.com", "gocloud.dev", "github.com/aws", "go.opentelemetry.io", "github.com/jackc"}
	require.Empty(t, slices.DeleteFunc(needed(t, "./refserver"), func(p string) bool { return !inside(p, services...) }))
	withTag := needed(t, "-tags=services", "./refserver")
	require.Subset(t, withTag, []string{modulePath + "/storage/postgresstore", modulePath + "/storage/bucket/s3bucket", "gocloud.dev/secrets"})
}

func TestHeavyDependenciesAreFound(t *testing.T) {
	t.Parallel()
	require.Equal(t,
		[]string{"google.golang.org/grpc/codes", "gocloud.dev/secrets", "github.com/aws/aws-sdk-go-v2/aws", "database/sql", "modernc.org/sqlite", "testing"},
		tooHeavy([]string{"bytes", "google.golang.org/grpc/codes", "gocloud.dev/secrets", "github.com/aws/aws-sdk-go-v2/aws", "database/sql",
			"modernc.org/sqlite", "testing", "golang.org/x/crypto/argon2", "github.com/awstats"}))
}
