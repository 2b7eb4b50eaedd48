package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	require.NoError(t, err)
	return string(b)
}

// A mutation whose text is gone would prove nothing, and nobody would notice.
func TestEveryDefenceStandsWhereTheListSays(t *testing.T) {
	t.Parallel()
	gone := []string{}
	for _, m := range mutations {
		require.NotEmpty(t, m.edits, m.id)
		for _, e := range m.edits {
			if e.old == "" {
				require.NoFileExists(t, filepath.Join(root, filepath.FromSlash(e.file)), m.id)
				continue
			}
			require.NotEqual(t, e.old, e.new, m.id)
			if strings.Count(text(t, e.file), e.old) != 1 {
				gone = append(gone, m.id+": "+e.file+" must have once: "+e.old)
			}
		}
	}
	require.Empty(t, gone, "find where the defence is now")
}

// attackRow is a row of the tables of attacks that names a test of TestAttack.
var attackRow = regexp.MustCompile("(?m)^\\| ([A-I][0-9]{1,2}) \\|.*`TestAttack")

func TestEveryAttackHasItsMutation(t *testing.T) {
	t.Parallel()
	model := text(t, "docs/threat-model.md")
	rows := attackRow.FindAllStringSubmatch(model, -1)
	require.Greater(t, len(rows), 40)
	for _, row := range rows {
		require.True(t, slices.ContainsFunc(mutations, func(m mutation) bool { return m.id == row[1] }), "%s is played by a test, and nobody has seen it fail", row[1])
	}
	for _, m := range mutations {
		require.Contains(t, model, "| `"+m.id+"` | "+m.removed+" |", "the threat model says something else of %s", m.id)
	}
}

// The program is tried on a module of its own: one defence that is tested, one
// that is not, one that cannot be taken out, and one whose test is gone.
func TestTheProgramTellsCaughtFromSurvived(t *testing.T) {
	t.Parallel()
	module := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(module, name), []byte(content), 0o600))
	}
	write("go.mod", "module example.org/tried\n\ngo 1.26\n")
	write("a.go", "package tried\n\nfunc Safe(n int) bool {\n\tif n < 0 {\n\t\treturn false\n\t}\n\tif n > 100 {\n\t\treturn false\n\t}\n\treturn true\n}\n")
	write("a_test.go", "package tried\n\nimport \"testing\"\n\nfunc TestSafe(t *testing.T) {\n\tt.Run(\"below\", func(t *testing.T) {\n\t\tif Safe(-1) {\n\t\t\tt.Fatal(\"-1\")\n\t\t}\n\t})\n}\n")
	c, err := copyModule(module)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.remove()) })
	try := func(test, old, new string) (outcome, error) {
		return c.try(context.WithoutCancel(t.Context()), mutation{id: "A1", pkg: ".", test: test, edits: []edit{{"a.go", old, new}}})
	}

	o, err := try("TestSafe", "n < 0", "false")
	require.NoError(t, err)
	require.Equal(t, "`TestSafe/below`", o.result(), o.output)
	o, err = try("TestSafe", "n > 100", "false")
	require.NoError(t, err)
	require.Equal(t, "**nothing**", o.result(), "and the first mutation was taken back: %s", o.output)
	_, err = try("TestSafe", "n > 100", "nonsense")
	require.ErrorContains(t, err, "does not compile")
	_, err = try("TestGone", "n > 100", "false")
	require.ErrorContains(t, err, "there is no test")
	_, err = try("TestSafe", "return false", "return true")
	require.ErrorContains(t, err, "has 2 times")
	_, err = try("TestSafe", "not there", "")
	require.ErrorContains(t, err, "has 0 times")

	require.NoError(t, c.remove())
	require.NoDirExists(t, c.folder)
}
