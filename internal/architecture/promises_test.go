package architecture

import (
	"fmt"
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	testName   = regexp.MustCompile("`((?:Test|Fuzz|Benchmark|Example)[A-Z_][A-Za-z0-9_]*)((?:/[A-Za-z0-9_]+)*)`")
	promiseRow = regexp.MustCompile(`(?m)^\| *[^|]*\|.*\|$`)
)

// tests are the names of all tests, fuzz targets, benchmarks and examples, each with the source of the files of its package.
func tests(m module) map[string]string {
	names := map[string]string{}
	for _, files := range m.packages() {
		var sources strings.Builder
		for _, f := range files {
			sources.Write(f.source)
		}
		for _, f := range files {
			for _, declaration := range f.syntax.Decls {
				if d, ok := declaration.(*ast.FuncDecl); ok && d.Recv == nil && f.isTest() && testName.MatchString("`"+d.Name.Name+"`") {
					names[d.Name.Name] += sources.String()
				}
			}
		}
	}
	return names
}

// unheld finds the tests that a text names and that do not exist. Of `TestAttack/A1_swapped_blobs` the part after the stroke must stand
// as a string in the package.
func unheld(text string, exist map[string]string) []string {
	var broken []string
	for _, mention := range testName.FindAllStringSubmatch(text, -1) {
		source, ok := exist[mention[1]]
		for sub := range strings.SplitSeq(strings.TrimPrefix(mention[2], "/"), "/") {
			ok = ok && strings.Contains(source, sub)
		}
		if !ok {
			broken = append(broken, "there is no "+mention[1]+mention[2])
		}
	}
	return broken
}

// unnamed finds the promises without a test: rows of the table under the heading "Promises" that name none.
func unnamed(text string) []string {
	_, section, _ := strings.Cut(text, "\n## Promises\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := promiseRow.FindAllString(section, -1)
	if len(rows) < 3 {
		return []string{"there is no table of promises"}
	}
	var broken []string
	for _, row := range rows[2:] { // after the head and the line under it
		if !testName.MatchString(row) {
			broken = append(broken, "a promise without a test: "+row)
		}
	}
	return broken
}

// seedless finds fuzz targets that begin from nothing: no f.Add, and no file in testdata/fuzz.
func seedless(m module, seeds func(folder string) int) []string {
	var broken []string
	for _, f := range m.files {
		for _, declaration := range f.syntax.Decls {
			d, ok := declaration.(*ast.FuncDecl)
			if !ok || !f.isTest() || !strings.HasPrefix(d.Name.Name, "Fuzz") {
				continue
			}
			added := false
			ast.Inspect(d, func(n ast.Node) bool {
				if selector, ok := n.(*ast.SelectorExpr); ok && selector.Sel.Name == "Add" {
					on, ok := selector.X.(*ast.Ident)
					added = added || ok && on.Name == d.Type.Params.List[0].Names[0].Name
				}
				return true
			})
			if !added && seeds(f.pkg()+"/testdata/fuzz/"+d.Name.Name) == 0 {
				broken = append(broken, fmt.Sprintf("%s: %s has no seeds", f.line(d.Pos()), d.Name.Name))
			}
		}
	}
	return broken
}

// embedded is the Go program that a text shows after a comment naming its file.
func embedded(text, name string) (string, bool) {
	_, after, found := strings.Cut(text, "<!-- "+name+" -->\n```go\n")
	program, _, closed := strings.Cut(after, "```\n")
	return program, found && closed
}

func TestPapersNameOnlyTestsThatExist(t *testing.T) {
	t.Parallel()
	exist := tests(thisModule(t))
	contents, _ := texts(t)
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		if filepath.Ext(name) == ".md" {
			require.Empty(t, unheld(contents[name], exist), name)
		}
	}
	invented := tests(parse(t, map[string]string{
		"a/a_test.go": "package a\n\nfunc TestAttack() { run(\"A1_swapped\") }\n\nfunc FuzzA() {}\n",
		"a/a.go":      "package a\n\nfunc TestNot() {}\n",
	}))
	require.Equal(t, []string{"there is no TestAttack/A2_gone", "there is no TestNot", "there is no TestGone"},
		unheld("`TestAttack` `TestAttack/A1_swapped` `FuzzA` `TestAttack/A2_gone` `TestNot` `TestGone` Testing", invented))
}

func TestEveryPromiseNamesATest(t *testing.T) {
	t.Parallel()
	contents, _ := texts(t)
	require.Empty(t, unnamed(contents["README.md"]))
	require.Len(t, unnamed("# A\n\n## Promises\n\n| promise | test |\n|---|---|\n| held | `TestHeld` |\n| broken | soon |\n\n## Next\n\n| a | b |\n"), 1)
	require.Len(t, unnamed("# A\n"), 1)
}

func TestEveryFuzzTargetHasSeeds(t *testing.T) {
	t.Parallel()
	require.Empty(t, seedless(thisModule(t), func(folder string) int {
		entries, _ := os.ReadDir(filepath.Join(root, filepath.FromSlash(folder))) // no folder, no seeds
		return len(entries)
	}))
	require.Equal(t, []string{"a/a_test.go:3: FuzzEmpty has no seeds"}, seedless(parse(t, map[string]string{
		"a/a_test.go": "package a\n\nfunc FuzzEmpty(f *F) { group.Add(1); f.Fuzz(nil) }\n\nfunc FuzzAdded(f *F) { f.Add(1) }\n\nfunc FuzzFiles(f *F) {}\n",
	}), func(folder string) int { return map[string]int{"a/testdata/fuzz/FuzzFiles": 1}[folder] }))
}

func TestTheReadmeShowsTheExampleThatRuns(t *testing.T) {
	t.Parallel()
	const name = "examples/embed/main.go"
	contents, exists := texts(t)
	shown, found := embedded(contents["README.md"], name)
	require.Equal(t, exists[name], found, "the README shows the example, and the example is there to be run")
	require.Equal(t, contents[name], shown)
	shown, found = embedded(contents["docs/api.md"], "examples/client/main.go")
	require.True(t, found)
	require.Equal(t, contents["examples/client/main.go"], shown)

	_, found = embedded("<!-- a.go -->\n```go\npackage a\n```\n", "b.go")
	require.False(t, found)
	shown, found = embedded("<!-- a.go -->\n```go\npackage a\n```\n", "a.go")
	require.True(t, found)
	require.Equal(t, "package a\n", shown)
}

// finding is the id of a finding or choice that a comment gives as its reason. (Attacks have ids too, which look like sizes of paper.)
var finding = regexp.MustCompile(`\b(N[0-9]{1,2}|G[0-9]{2})\b`)

// unresolved finds ids in comments that the design does not explain: a reason that nobody can look up is none.
func unresolved(m module, design string) []string {
	var broken []string
	for _, f := range m.files {
		for _, group := range f.syntax.Comments {
			for _, id := range finding.FindAllString(group.Text(), -1) {
				if !strings.Contains(design, "\n| "+id+" | ") {
					broken = append(broken, f.line(group.Pos())+": "+id+" is not explained in docs/design.md")
				}
			}
		}
	}
	return broken
}

func TestEveryReasonGivenCanBeLookedUp(t *testing.T) {
	t.Parallel()
	contents, _ := texts(t)
	require.Empty(t, unresolved(thisModule(t), contents["docs/design.md"]))
	require.Equal(t, []string{"a/a.go:3: N7 is not explained in docs/design.md"}, unresolved(parse(t, map[string]string{
		"a/a.go": "package a\n\n// Now (N7, N6) on A4, as JSON5.\nvar now = 1\n",
	}), "# Ids\n| N6 | what |\n"))
}
