package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// walks reads a list page by page and returns what stood there, in its order.
func (p *person) walks(path, list string, limit int) (all []string) {
	p.t.Helper()
	for after := ""; ; {
		a := ok[map[string]json.RawMessage](p.call("GET", fmt.Sprintf("%s?limit=%d%s", path, limit, after), nil), 200)
		var entries []json.RawMessage
		require.NoError(p.t, json.Unmarshal(a[list], &entries))
		require.LessOrEqual(p.t, len(entries), limit)
		for _, e := range entries {
			all = append(all, string(e))
		}
		if a["next"] == nil {
			return all
		}
		require.Len(p.t, entries, limit)
		after = "&after=" + strings.Trim(string(a["next"]), `"`)
	}
}

func TestEachListGoesOnFromPageToPage(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina, idris := tn.relay(t, "Accueil"), tn.resident(t), tn.resident(t)
	tn.relay(t, "Abri du pont")
	amina.follow(at)
	idris.follow(at)
	for range 2 {
		tn.passes(time.Minute)
		ok[signedIn](amina.signIn(amina.password, ""), 201)
	}
	ok[struct{}](amina.call("DELETE", "/followers/"+amina.followers()[0].Grant, nil), 200)
	amina.follow(at)
	for who, lists := range map[*person]map[string]int{
		amina.person: {"/relays relays": 2, "/sessions sessions": 4, "/followers followers": 2, "/receipts receipts": 3},
		at.worker:    {"/staff/relays/" + at.id + "/people people": 2},
		at.manager:   {"/staff/relays/" + at.id + "/members members": 2},
	} {
		for list, n := range lists {
			path, name, _ := strings.Cut(list, " ")
			whole := who.walks(path, name, 1000)
			require.Len(t, whole, n, list)
			require.Equal(t, whole, who.walks(path, name, 1), list)
			require.Equal(t, whole, who.walks(path, name, n), list)
			who.call("GET", path+"?after=%22", nil).refused(422, "invalid")
			who.call("GET", path+"?limit=0", nil).refused(422, "invalid")
		}
	}
}

// Whatever goes or comes between two pages, what stays stands on one of them once.
func TestAPageGoesOnWhereTheLastOneEnded(t *testing.T) {
	t.Parallel()
	same := func(s string) string { return s }
	all := []string{"d", "b", "a", "e", "c"}
	first, next := page(Paged{Limit: 2}, all, same)
	require.Equal(t, []string{"a", "b"}, first)
	rest := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "b" })
	second, next := page(Paged{After: next.Next, Limit: 2}, append(rest, "aa"), same)
	require.Equal(t, []string{"c", "d"}, second)
	third, next := page(Paged{After: next.Next, Limit: 2}, all, same)
	require.Equal(t, []string{"e"}, third)
	require.Empty(t, next)
	require.Equal(t, []string{"d", "b", "a", "e", "c"}, all)
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	require.Less(t, oldestFirst(noon, "z"), oldestFirst(noon.Add(time.Second), "a"))
	require.Less(t, newestFirst(noon.Add(time.Second), "z"), newestFirst(noon, "a"))
	require.Less(t, numbered(9), numbered(10))
}
