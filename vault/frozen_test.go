package vault_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const frozenFile = "testdata/frozen.txt"

// TestTheFormatIsFrozen holds everything that says what the stored format is against
// digests that were published with version 1. With -update it adds what is new, and never
// changes a line.
func TestTheFormatIsFrozen(t *testing.T) {
	t.Parallel()
	now := frozenDigests(t)
	raw, err := os.ReadFile(frozenFile)
	if !*updateVectors {
		require.NoError(t, err)
	}
	published := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		digest, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		require.True(t, ok, line)
		published[name] = digest
	}
	for name, digest := range published {
		require.Equal(t, digest, now[name], "%s is not what was published with format 1. Vaults that exist are read by it: take the change back, or make it a new format (docs/format.md, \"How it stays as it is\")", name)
	}
	var lines []string
	for name, digest := range now {
		if !*updateVectors {
			require.Contains(t, published, name, "new, and in no list yet: go test ./vault -run TestTheFormatIsFrozen -update")
		}
		lines = append(lines, digest+"  "+name+"\n")
	}
	if *updateVectors {
		slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
		require.NoError(t, os.WriteFile(frozenFile, []byte(strings.Join(lines, "")), 0o644))
	}
}

// frozenDigests are the digests of the vectors, of the bytes of bodies, and of what the
// document defines: bodies, numbers and keys.
func frozenDigests(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(vectorFolder + "/*.txt")
	require.NoError(t, err)
	out := map[string]string{}
	for _, file := range append(files, "testdata/bodies.txt", "testdata/bodies-added.txt", "testdata/bodies-remind.txt", "testdata/bodies-attested.txt", "testdata/bodies-links.txt", "testdata/bodies-kept.txt", "testdata/bodies-transfer.txt", "testdata/bodies-partners.txt", "testdata/bodies-partner-links.txt", "../consent/testdata/bodies-partners.txt", "../consent/testdata/bodies-partner-tokens.txt", "../consent/testdata/bodies-partner-limits.txt", "../consent/testdata/bodies-invited.txt", "../consent/testdata/bodies-partner-leave.txt", "../consent/testdata/bodies.txt", "../consent/testdata/bodies-attest.txt", "../consent/testdata/bodies-attest-end.txt", "../consent/testdata/bodies-attest-ended.txt", "../recovery/testdata/bodies.txt") {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		out[strings.TrimPrefix(filepath.ToSlash(file), "testdata/")] = fmt.Sprintf("%x", sha256.Sum256(b))
	}
	document, err := os.ReadFile("../docs/format.md")
	require.NoError(t, err)
	stored, _, ok := strings.Cut(string(document), "\n## The witness's own store\n")
	require.True(t, ok)
	for what, pattern := range map[string]string{"bodies": "(?ms)^```\n.*?^```$", "numbers": `(?m)^\| \d+ \|.*$`, "keys": "(?m)^\\| `.*$"} {
		all := regexp.MustCompile(pattern).FindAllString(stored, -1)
		require.NotEmpty(t, all, what)
		out["docs/format.md, "+what] = fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(all, "\n"))))
	}
	return out
}
