package web

import (
	"go/ast"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	words "reconnect.example/refserver/language"
	"reconnect.example/vault"
)

// noticeCodes are all notices, read from the library's source: a new one without
// words fails here.
func noticeCodes(t *testing.T) []vault.NoticeCode {
	t.Helper()
	var all []vault.NoticeCode
	for _, f := range parsed(t, "../../vault") {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "NoticeCode" {
				code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				all = append(all, vault.NoticeCode(code))
			}
			return true
		})
	}
	require.Len(t, all, 8)
	return all
}

func TestEveryNoticeHasWordsAndAPlaceToAct(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	o := vault.Overview{ErasedAt: now, RestoredTo: now, UnseenSince: now}
	death := vault.DeathRecord{By: "Operator", Organisation: "Les Amis", Evidence: "Letter", Recorded: now}
	said := map[string]bool{}
	for _, code := range []string{"fr", "en", "ar"} {
		l := &language{words.In(code), time.UTC}
		for _, notice := range noticeCodes(t) {
			all := l.notice(notice, o, death)
			require.Len(t, all, 1)
			one := all[0]
			require.NotEqual(t, string(notice), one.Title, "no words")
			require.NotRegexp(t, `%!|\[[a-z]`, one.Title+one.Means, "%s: %s", code, notice)
			require.False(t, said[one.Title], "the same in two languages, or twice: %s", one.Title)
			said[one.Title] = true
			require.Equal(t, one.Link != "", one.Words != "")
			require.Equal(t, one.Post != "", one.Button != "")
			if notice != vault.NoticeWitnessAway { // which asks for nothing but patience
				require.True(t, one.Link != "" || one.Post != "", "nowhere to act: %s", notice)
			}
		}
		require.Equal(t, []noticeView{{Title: "a later one"}}, l.notice("a later one", o, death), "never left out")
	}
}
