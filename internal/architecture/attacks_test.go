package architecture

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const threatModel = "docs/threat-model.md"

var (
	attackCase = regexp.MustCompile(`^"(([A-I][0-9]{1,2})_[a-z0-9_]+)"$`)           // a case of TestAttack: "A4_truncated_blob"
	attackTest = regexp.MustCompile(`^TestAttack([A-I][0-9]{1,2})_\w+$`)            // a test of its own: TestAttackA8_HostileDocument
	attackRow  = regexp.MustCompile(`(?m)^\| ([A-I][0-9]{1,2}) \|(.*)\|([^|]*)\|$`) // id, what must happen, tests
)

// attacksTested are the tests that answer each attack, by its id: the tables of functions in packages that have a TestAttack, which plays
// them, and tests of their own. A name alone is no test.
func attacksTested(m module) map[string][]string {
	answered := map[string][]string{}
	for _, files := range m.packages() {
		plays := files[0].pkg() != "internal/architecture" && slices.ContainsFunc(files, file.playsAttacks)
		for _, f := range files {
			if !f.isTest() {
				continue
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.KeyValueExpr:
					if match := caseOf(n); plays && match != nil {
						answered[match[2]] = append(answered[match[2]], "`TestAttack/"+match[1]+"`")
					}
				case *ast.FuncDecl:
					if match := attackTest.FindStringSubmatch(n.Name.Name); match != nil {
						answered[match[1]] = append(answered[match[1]], "`"+n.Name.Name+"`")
					}
				}
				return true
			})
		}
	}
	for id, names := range answered {
		slices.Sort(names)
		answered[id] = slices.Compact(names)
	}
	return answered
}

func (f file) playsAttacks() bool {
	return f.isTest() && slices.ContainsFunc(f.syntax.Decls, func(declaration ast.Decl) bool {
		d, ok := declaration.(*ast.FuncDecl)
		return ok && d.Name.Name == "TestAttack"
	})
}

// caseOf is the name of an attack that a row of a table gives to a function.
func caseOf(row *ast.KeyValueExpr) []string {
	key, ok := row.Key.(*ast.BasicLit)
	if !ok {
		return nil
	}
	switch row.Value.(type) {
	case *ast.Ident, *ast.FuncLit:
		return attackCase.FindStringSubmatch(key.Value)
	}
	return nil
}

// listed writes the tests into the rows of the threat model. Other tests that a row names stay behind them.
func listed(model string, answered map[string][]string) string {
	return attackRow.ReplaceAllStringFunc(model, func(row string) string {
		parts := attackRow.FindStringSubmatch(row)
		names := slices.Clone(answered[parts[1]])
		for _, other := range testName.FindAllString(parts[3], -1) {
			if !strings.HasPrefix(other, "`TestAttack") {
				names = append(names, other)
			}
		}
		if len(names) == 0 {
			names = []string{"–"}
		}
		return "| " + parts[1] + " |" + parts[2] + "| " + strings.Join(names, ", ") + " |"
	})
}

// rowless finds attacks that are tested and have no row.
func rowless(model string, answered map[string][]string) []string {
	var broken []string
	for id, names := range answered {
		if !slices.ContainsFunc(attackRow.FindAllStringSubmatch(model, -1), func(row []string) bool { return row[1] == id }) {
			broken = append(broken, names...)
		}
	}
	return broken
}

// changed are the lines that are new or other in want.
func changed(got, want string) []string {
	lines := strings.Split(got, "\n")
	return slices.DeleteFunc(strings.Split(want, "\n"), func(line string) bool { return slices.Contains(lines, line) })
}

func TestTheThreatModelListsEveryAttackTested(t *testing.T) {
	t.Parallel()
	contents, _ := texts(t)
	model, answered := contents[threatModel], attacksTested(thisModule(t))
	want := listed(model, answered)
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join(root, threatModel), []byte(want), 0o644))
		model = want
	}
	require.Empty(t, rowless(model, answered))
	require.Empty(t, changed(model, want), "other attacks are tested than the threat model says; run with -update")
}

func TestRulesOnAttacksFindWhatBreaksThem(t *testing.T) {
	t.Parallel()
	answered := attacksTested(parse(t, map[string]string{
		"a/a_test.go": "package a\n\nvar names = map[string]func(){\"A1_swapped\": a1, \"A1_moved\": func() {}, \"A4 paper\": a4, \"A5_told\": \"only\"}\n\n" +
			"var others = []string{\"A6_named\"}\n\nfunc TestAttack() {}\n\nfunc TestAttackC2_Fork() {}\n",
		"a/a.go":      "package a\n\nvar name = map[string]func(){\"A3_not_a_test\": a3}\n",
		"b/b_test.go": "package b\n\nvar names = map[string]func(){\"A2_never_played\": a2}\n",
	}))
	require.Equal(t, map[string][]string{"A1": {"`TestAttack/A1_moved`", "`TestAttack/A1_swapped`"}, "C2": {"`TestAttackC2_Fork`"}}, answered)
	require.Equal(t, "| A1 | swaps | refused | `TestAttack/A1_moved`, `TestAttack/A1_swapped`, `TestOther` |\n| B1 | deletes | named | – |\n",
		listed("| A1 | swaps | refused | `TestAttack/A1_gone`, `TestOther` |\n| B1 | deletes | named | `TestAttack/B1_gone` |\n", answered))
	require.Equal(t, []string{"| A1 | new |"}, changed("| A1 | old |\n| A2 |", "| A1 | new |\n| A2 |"))
	require.Equal(t, []string{"`TestAttackC2_Fork`"}, rowless("| A1 | swaps | refused | – |\n", answered))
}
