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
	attackCase = regexp.MustCompile(`"(([A-I][0-9]{1,2})_[a-z0-9_]+)"`)             // a case of TestAttack: "A4_truncated_blob"
	attackTest = regexp.MustCompile(`^TestAttack([A-I][0-9]{1,2})_\w+$`)            // a test of its own: TestAttackA8_HostileDocument
	attackRow  = regexp.MustCompile(`(?m)^\| ([A-I][0-9]{1,2}) \|(.*)\|([^|]*)\|$`) // id, what must happen, tests
)

// attacksTested are the tests that answer each attack, by its id.
func attacksTested(m module) map[string][]string {
	answered := map[string][]string{}
	for _, f := range m.files {
		if !f.isTest() || f.pkg() == "internal/architecture" {
			continue
		}
		for _, match := range attackCase.FindAllStringSubmatch(string(f.source), -1) {
			answered[match[2]] = append(answered[match[2]], "`TestAttack/"+match[1]+"`")
		}
		for _, declaration := range f.syntax.Decls {
			if d, ok := declaration.(*ast.FuncDecl); ok && attackTest.MatchString(d.Name.Name) {
				id := attackTest.FindStringSubmatch(d.Name.Name)[1]
				answered[id] = append(answered[id], "`"+d.Name.Name+"`")
			}
		}
	}
	for id, names := range answered {
		slices.Sort(names)
		answered[id] = slices.Compact(names)
	}
	return answered
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
		"a/a_test.go": "package a\n\nvar names = []string{\"A1_swapped\", \"A1_moved\", \"A4 paper\"}\n\nfunc TestAttackC2_Fork() {}\n",
		"a/a.go":      "package a\n\nvar name = \"A3_not_a_test\"\n",
	}))
	require.Equal(t, map[string][]string{"A1": {"`TestAttack/A1_moved`", "`TestAttack/A1_swapped`"}, "C2": {"`TestAttackC2_Fork`"}}, answered)
	require.Equal(t, "| A1 | swaps | refused | `TestAttack/A1_moved`, `TestAttack/A1_swapped`, `TestOther` |\n| B1 | deletes | named | – |\n",
		listed("| A1 | swaps | refused | `TestAttack/A1_gone`, `TestOther` |\n| B1 | deletes | named | `TestAttack/B1_gone` |\n", answered))
	require.Equal(t, []string{"| A1 | new |"}, changed("| A1 | old |\n| A2 |", "| A1 | new |\n| A2 |"))
	require.Equal(t, []string{"`TestAttackC2_Fork`"}, rowless("| A1 | swaps | refused | – |\n", answered))
}
