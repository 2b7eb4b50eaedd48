package notice_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/language"
	"reconnect.example/refserver/notice"
	"reconnect.example/vault"
)

func all() map[string]func(string) vault.Notice {
	return map[string]func(string) vault.Notice{
		"opening": notice.In, "following": notice.Following, "visiting": notice.Visiting, "workers": notice.ForWorkers, "ways": notice.WaysBack, "reminding": notice.Reminding, "telling": notice.Telling, "presenting": notice.Presenting,
	}
}

// What is read is in the language of the page, and says in each language as much.
func TestEveryNoticeIsThereInEachLanguageThatIsOffered(t *testing.T) {
	t.Parallel()
	for name, in := range all() {
		french := in("fr")
		texts := map[string]bool{}
		for _, code := range language.Offered() {
			n := in(code)
			require.Equal(t, code, n.Language, "%s in %s", name, code)
			require.Equal(t, french.Version, n.Version)
			require.Equal(t, strings.Count(french.Text, "\n"), strings.Count(n.Text, "\n"), "%s in %s: a paragraph is missing", name, code)
			require.Contains(t, n.Text, "www.cnil.fr")
			require.NotRegexp(t, "[\u202a-\u202e\u2066-\u2069]", n.Text, "%s in %s turns the direction of what follows", name, code)
			require.False(t, texts[n.Text], name)
			texts[n.Text] = true
		}
	}
	files, err := filepath.Glob("*.txt")
	require.NoError(t, err)
	require.Len(t, files, len(all())*len(language.Offered()), "a file that nobody reads")
}

// It is said in which language it was read: what was agreed to is shown as it was.
func TestALanguageWithoutANoticeReadsItInEnglish(t *testing.T) {
	t.Parallel()
	for _, in := range all() {
		for _, code := range []string{"ti", "xx", "", "fr-CA", "../fr", "fr.txt"} {
			require.Equal(t, in("en"), in(code))
		}
	}
}
