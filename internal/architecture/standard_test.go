package architecture

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// required is how many requirements each section of ASVS 5.0.0 has, in the chapters that docs/asvs.md answers.
var required = map[string]int{
	"5.1": 1, "5.2": 6, "5.3": 3, "5.4": 3,
	"6.1": 3, "6.2": 12, "6.3": 8, "6.4": 6, "6.5": 8, "6.6": 4, "6.7": 2, "6.8": 4,
	"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2,
	"8.1": 4, "8.2": 4, "8.3": 3, "8.4": 2,
}

var (
	requirement = regexp.MustCompile(`(?m)^\| ([5-8]\.[0-9]\.[0-9]+) \| ([123]) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$`)
	namedFile   = regexp.MustCompile("`([a-z]+(?:/[A-Za-z0-9_.-]+)*/[A-Za-z0-9_-]+\\.[a-z]+)`")
	linked      = regexp.MustCompile(`\]\([a-z.-]+(?:#[a-z-]+)?\)`)
)

// unanswered finds what a text owes the standard: requirements without a row, answers that are none, and answers that nothing holds.
func unanswered(text string, required map[string]int, exists map[string]bool) []string {
	var broken []string
	seen := map[string]bool{}
	for _, row := range requirement.FindAllStringSubmatch(text, -1) {
		id, answer, why := row[1], row[3], row[4]
		if seen[id] {
			broken = append(broken, id+" is answered twice")
		}
		seen[id] = true
		held := testName.MatchString(why) || namedFile.MatchString(why) || linked.MatchString(why) || strings.Contains(why, "as there")
		switch {
		case !slices.Contains([]string{"yes", "in part", "no", "not applicable"}, answer):
			broken = append(broken, id+" is answered by "+answer)
		case (answer == "yes" || answer == "in part") && !held:
			broken = append(broken, id+" says "+answer+", and nothing holds it")
		}
	}
	for section, n := range required {
		for i := range n {
			if id := fmt.Sprintf("%s.%d", section, i+1); !seen[id] {
				broken = append(broken, id+" is not answered")
			}
		}
	}
	for id := range seen {
		section := id[:strings.LastIndex(id, ".")]
		var n int
		if _, err := fmt.Sscanf(id[len(section)+1:], "%d", &n); err != nil || n < 1 || n > required[section] {
			broken = append(broken, "there is no "+id)
		}
	}
	for _, file := range namedFile.FindAllStringSubmatch(text, -1) {
		if !exists[file[1]] {
			broken = append(broken, "there is no "+file[1])
		}
	}
	slices.Sort(broken)
	return broken
}

func TestTheStandardIsAnsweredRowByRow(t *testing.T) {
	t.Parallel()
	contents, exists := texts(t)
	require.Empty(t, unanswered(contents["docs/asvs.md"], required, exists)) // the tests it names: TestPapersNameOnlyTestsThatExist
	require.Equal(t, []string{
		"5.1.1 is answered twice", "5.1.2 says yes, and nothing holds it", "5.1.4 is answered by perhaps", "5.1.5 is not answered", "there is no 5.2.1", "there is no a/gone.go",
	}, unanswered("| 5.1.1 | 1 | a | yes | `TestHeld` |\n| 5.1.1 | 1 | a | no | later |\n| 5.1.2 | 2 | a | yes | surely |\n| 5.1.3 | 3 | a | in part | `a/b.go`, `a/gone.go` |\n"+
		"| 5.1.4 | 1 | a | perhaps | `a/b.go` |\n| 5.2.1 | 1 | a | no | why |\n", map[string]int{"5.1": 5}, map[string]bool{"a/b.go": true}))
}
