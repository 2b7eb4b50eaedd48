package recovery

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// view is all that is said of a month: of two ways how many were opened and completed,
// how many were cancelled, and how many came back in all.
func view(opened, completed [2]int, cancelled int) string {
	var all []counted
	total := 0
	for kind := range 2 {
		for event, n := range map[string]int{eventOpened: opened[kind], eventCompleted: completed[kind]} {
			if n > 0 {
				all = append(all, counted{"2026-11", event, vault.PathKind(kind + 1), n})
			}
		}
		total += completed[kind]
	}
	if cancelled > 0 {
		all = append(all, counted{"2026-11", eventCancelled, 0, cancelled})
	}
	lines := map[string]string{"total": consent.CountOf(total).String()}
	for _, c := range said(all) {
		lines[c.Event+fmt.Sprint(c.Kind)] = c.Count.String()
	}
	return strings.TrimPrefix(fmt.Sprint(lines), "map") // in the order of its keys
}

// Whoever has all tables of a month can reckon with them as they like: every number below
// ten that they do not say could still be another one.
func TestNoNumberBelowTenCanBeReckonedFromTheOthers(t *testing.T) {
	t.Parallel()
	const most = 24
	ambiguous := func(t *testing.T, seen map[string]map[int]bool) {
		for said, could := range seen {
			if len(could) > 1 {
				continue
			}
			for n := range could {
				require.False(t, 0 < n && n < consent.LeastCount, "%s tells that it is %d", said, n)
			}
		}
	}
	note := func(seen map[string]map[int]bool, said string, n int) {
		if seen[said] == nil {
			seen[said] = map[int]bool{}
		}
		seen[said][n] = true
	}
	t.Run("one way less the other", func(t *testing.T) {
		t.Parallel()
		seen := map[string]map[int]bool{}
		for a := range most {
			for b := range most {
				note(seen, view([2]int{}, [2]int{a, b}, 0), a)
			}
		}
		ambiguous(t, seen)
	})
	t.Run("opened less completed", func(t *testing.T) {
		t.Parallel()
		seen := map[string]map[int]bool{}
		for completed := range most {
			for open := range most {
				note(seen, view([2]int{completed + open}, [2]int{completed}, 0), open)
			}
		}
		ambiguous(t, seen)
	})
	t.Run("two ways, opened and completed, and all in all", func(t *testing.T) {
		t.Parallel()
		var seen [4]map[string]map[int]bool
		judged := map[string]bool{}
		for i := range seen {
			seen[i] = map[string]map[int]bool{}
		}
		for a := range most {
			for b := range most {
				for openA := range most {
					for openB := range most {
						said := view([2]int{a + openA, b + openB}, [2]int{a, b}, 0)
						judged[said] = judged[said] || a+openA < most && b+openB < most // of more not all are here
						for i, n := range []int{a, b, openA, openB} {
							note(seen[i], said, n)
						}
					}
				}
			}
		}
		for _, one := range seen {
			maps.DeleteFunc(one, func(said string, _ map[int]bool) bool { return !judged[said] })
			ambiguous(t, one)
		}
	})
	t.Run("opened less completed and cancelled", func(t *testing.T) {
		t.Parallel()
		stopped, waiting := map[string]map[int]bool{}, map[string]map[int]bool{}
		for completed := range most {
			for rest := range 2 * most {
				for cancelled := range rest + 1 {
					said := view([2]int{completed + rest}, [2]int{completed}, cancelled)
					note(stopped, said, cancelled)
					note(waiting, said, rest-cancelled)
				}
			}
		}
		ambiguous(t, stopped)
		ambiguous(t, waiting)
	})
}
