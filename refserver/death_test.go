package main

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/config"
	"reconnect.example/refserver/engines"
	"reconnect.example/storage"
)

// Each command that the manual shows is run as it stands there.
func TestTheManualOnPeopleWhoDiedOrDoNotCome(t *testing.T) {
	t.Parallel()
	lines := manual(t, "People who died, or do not come")
	require.Len(t, lines, 4)
	d := newDesk(t)
	r := start(t, d.data)
	m := newSpace.FindStringSubmatch(d.must("admin", "create-vault", "--consent"))
	require.NotNil(t, m)
	r.login, r.secret = m[1], m[2]
	d.says = strings.NewReplacer("PERSON", r.login)
	var said []string
	for _, line := range lines {
		said = append(said, d.line(line[1]))
	}
	require.Contains(t, said[0], "by Dominique, for Ville de Lyon\nEvidence      death certificate, town hall of Lyon\nOf            2024-01-15\nTheir wish    none was said\n")
	require.Contains(t, said[0], "Nothing is opened or erased.")
	require.Equal(t, said[0], said[1])
	require.Contains(t, said[2], "taken back")
	require.Contains(t, said[3], "Nobody is noted")
	require.Contains(t, d.must("admin", "death", "show", r.login), "taken back by Dominique")
	_, err := d.do("admin", "death", "withdraw", r.login, "--by", "Dominique")
	require.ErrorContains(t, err, "no record stands")
}

// With and without a running server; by login and by id; and a sign-in makes it void.
func TestADeathThatWasRecordedByMistakeIsVoidWhenThePersonSignsIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	m := newSpace.FindStringSubmatch(d.must("admin", "create-vault", "--consent"))
	require.NotNil(t, m)
	record := []string{"admin", "death", "record", m[1], "--by", "Dominique", "--organisation", "Ville", "--evidence", "a\nletter \u202e"}
	out := d.must(record...)
	require.Contains(t, out, "Evidence      a letter\n", "on one line, without what turns or hides text")
	id := strings.Fields(out)[1]
	require.Len(t, id, 26)
	require.Equal(t, out, d.must("admin", "death", "record", id, "--by", "x", "--organisation", "x", "--evidence", "x"), "the first record stands")

	r := start(t, d.data)
	r.login, r.secret = m[1], m[2]
	require.Equal(t, out, d.must("admin", "death", "show", id))
	visit(t, r).get("/")
	require.Contains(t, d.must("admin", "death", "show", id), ": the person signed in.")
	for want, args := range map[string][]string{
		"nothing is recorded":          {"show", "aaaaaaaaaaaaaaaaaaaaaaaaaa"},
		"not the twelve digits":        {"show", "Amina"},
		"no space of a person with":    {"record", "0000 0000 0000", "--by", "x", "--organisation", "x", "--evidence", "x"},
		"evidence is empty":            {"record", id, "--by", "x", "--organisation", "x", "--evidence", ""},
		"by holds a control character": {"record", id, "--by", "\x1b[2J", "--organisation", "x", "--evidence", "x"},
		"--on is not a day":            {"record", id, "--by", "x", "--organisation", "x", "--evidence", "x", "--on", "yesterday"},
		"at is in the future":          {"record", id, "--by", "x", "--organisation", "x", "--evidence", "x", "--on", "2999-01-01"},
		"missing flags: --by=STRING":   {"withdraw", id},
		"missing flags: --evidence=ST": {"record", id, "--by", "x", "--organisation", "x"},
	} {
		_, err := d.do(append([]string{"admin", "death"}, args...)...)
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, r.logs.String(), id)
}

func TestWhoWasNotSeenForLongIsListedForTheOperator(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.must("admin", "create-vault", "--consent")
	c, err := config.Parse([]string{"--data", d.data}, io.Discard)
	require.NoError(t, err)
	store, err := engines.OpenRecords(t.Context(), c, true)
	require.NoError(t, err)
	const away = "abcdefghijklmnopqrstuvwxya"
	require.NoError(t, store.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put("unseen/"+away, []byte("24290"))
		tx.Put("unseen/altered", []byte("24290"))
		return nil
	}))
	require.NoError(t, store.Close())
	out := d.must("admin", "unseen")
	require.Contains(t, out, away+"  last signed in in 2024-03\n")
	require.Contains(t, out, "Nothing happens to them by itself.")
	require.Contains(t, out, "1 entries cannot be read")
	require.Contains(t, d.must("admin", "status"), "Not seen for long   1 people")
}
