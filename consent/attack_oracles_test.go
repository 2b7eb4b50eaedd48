package consent_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// onlooker is somebody who works at a relay, and looks.
type onlooker struct {
	*consenttest.Staff
	at *consenttest.Relay
}

// known is what everybody on a stage knows to be there: the oracles O1 to O4 of the
// threat model, asked of persons, workers and the directory.
type known struct {
	stage   *consenttest.Stage
	host    *storagetest.Malicious
	people  map[vault.ID]*knownPerson
	staff   []onlooker
	relays  map[consent.RelayID]consent.Relay
	trusted map[vault.ID][]seal.BoxKey // to whom anything may be sealed
	left    map[vault.ItemID]string    // what waits to be taken in, with its text
}

type knownPerson struct {
	*vaulttest.Person
	items   map[vault.ItemID]vault.Item
	content map[vault.ItemID]string
	journal []vault.Entry // the newest first
}

// remember takes note of all that is in a town.
func (tn *town) remember(t testing.TB, host *storagetest.Malicious) *known {
	t.Helper()
	return remember(t, tn.Stage, host, []*vaulttest.Person{tn.amina}, []onlooker{{tn.centre.worker, tn.centre.Relay}, {tn.centre.Manager, tn.centre.Relay}})
}

// remember takes note of all that is there, while the store is honest.
func remember(t testing.TB, s *consenttest.Stage, host *storagetest.Malicious, people []*vaulttest.Person, staff []onlooker) *known {
	t.Helper()
	k := &known{stage: s, host: host, people: map[vault.ID]*knownPerson{}, staff: staff, relays: map[consent.RelayID]consent.Relay{}, trusted: map[vault.ID][]seal.BoxKey{}}
	for _, p := range people {
		one := &knownPerson{Person: p, items: map[vault.ItemID]vault.Item{}, content: map[vault.ItemID]string{}}
		for it, err := range p.Vault.Items(t.Context()) {
			require.NoError(t, err)
			if one.items[it.ID] = it; it.Document != nil {
				one.content[it.ID] = contents(t, p.Vault, it.ID)
			}
		}
		var err error
		one.journal, err = p.Vault.Journal(t.Context(), nil)
		require.NoError(t, err)
		k.people[p.Vault.ID()] = one
	}
	all, err := s.Directory.Relays(t.Context())
	require.NoError(t, err)
	for _, r := range all {
		k.relays[r.ID] = r
	}
	for _, w := range staff {
		own, err := w.Own().OwnKeys(t.Context())
		require.NoError(t, err)
		k.trusted[w.ID()] = own.Inboxes
		if post, err := w.Worker.At(t.Context(), w.at.ID); err == nil {
			k.trusted[w.at.ID] = append(k.trusted[w.at.ID], post.Keys().Inboxes...)
			post.Close()
		}
	}
	return k
}

// survey lets everybody look on a fork of the store, in a service that has seen
// nothing before: each is shown what is honest (O1), or is told one of the words for
// what was altered or has ended (O4); and what was sealed meanwhile was sealed to
// somebody who is trusted, in the form of today (O2, O3). It returns what was seen,
// and whether anybody was refused.
func (k *known) survey(t testing.TB, msg ...any) (seen int, refused bool) {
	t.Helper()
	fork, err := k.host.Fork(t.Context())
	require.NoError(t, err)
	began := fork.Now()
	l := &look{TB: t, known: k, msg: msg}
	l.s = k.stage.Another(t, &consenttest.Options{Vault: vaulttest.Options{
		Driver:      func(storage.Driver) storage.Driver { return fork },
		Blobs:       func(storage.Blobs) storage.Blobs { return fork.Blobs() },
		Checkpoints: func(w vault.Checkpoints) vault.Checkpoints { return deaf{w} },
		Limiter:     func(w vault.Limiter) vault.Limiter { return patient{w} },
	}})
	l.directory()
	for _, w := range k.staff {
		l.worker(w)
	}
	for _, p := range k.people {
		l.person(p)
	}
	require.NoError(t, l.s.Close())
	k.requireTrusted(t, fork.Written(began), l.drawn, msg...)
	return l.seen, l.refused
}

// look is one survey.
type look struct {
	drawn map[vault.ID][]seal.BoxKey // keys that relays were given meanwhile
	testing.TB
	known   *known
	s       *consenttest.Stage
	msg     []any
	seen    int
	refused bool
}

// words are those for what was altered, or has ended.
var words = []string{"tampered", "stale", "untrusted-key", "policy", "witness-away", "ended", "sign-in"}

// no takes an error for a refusal, if it is one of the words. false: there was none.
func (l *look) no(err error, also ...error) bool {
	l.Helper()
	if err == nil {
		return false
	}
	l.refused = l.refused || !errors.Is(err, vault.ErrNotAllowed) // as on every other day
	if !slices.ContainsFunc(also, func(one error) bool { return errors.Is(err, one) }) {
		require.Contains(l, words, vault.Code(err), "%v: %v", l.msg, err)
	}
	return true
}

func (l *look) directory() {
	l.Helper()
	all, err := l.s.Directory.Relays(l.Context())
	if l.no(err, consent.ErrNoDirectory) {
		return
	}
	for _, r := range all {
		require.Equal(l, l.known.relays[r.ID], r, l.msg...)
		l.seen++
	}
}

func (l *look) worker(w onlooker) {
	l.Helper()
	secret := w.Staff.Secret()
	secret.Session.Device = "look"
	in, err := l.s.SignIn(l.Context(), secret)
	if l.no(err) {
		return
	}
	defer in.Close()
	post, err := in.At(l.Context(), w.at.ID)
	if l.no(err, consent.ErrNotMember, consent.ErrNotNamed, consent.ErrNoDirectory, consent.ErrKeyChanged) {
		return
	}
	defer post.Close()
	defer l.draw(in, w.at.ID)
	people, err := post.People(l.Context())
	l.no(err, vault.ErrNotAllowed)
	for _, one := range people {
		p := l.known.people[one.Vault]
		require.NotNil(l, p, "%v: somebody was made up", l.msg)
		v, err := post.Open(l.Context(), one.Vault, aboutHousing)
		if l.no(err, vault.ErrNotFound) {
			continue
		}
		l.items(v, p, false)
		v.Close()
	}
	_, err = post.Visits(l.Context())
	l.no(err, vault.ErrNotAllowed)
	_, err = in.Own().Journal(l.Context(), &vault.JournalOptions{Limit: 1000})
	l.no(err)
	if !post.Roles().Has(consent.RoleManage) {
		return
	}
	_, err = post.Journal(l.Context(), &vault.JournalOptions{Limit: 1000})
	l.no(err, consent.ErrNotManager)
	team, err := post.Members(l.Context())
	l.no(err, consent.ErrNotManager)
	for _, m := range team.Members {
		require.NotEmpty(l, m.Name, l.msg...)
		l.seen++
	}
	_, err = post.Requests(l.Context())
	l.no(err, consent.ErrNotManager)
}

func (l *look) person(p *knownPerson) {
	l.Helper()
	v, err := l.s.Unlock(l.Context(), p.Secret())
	if l.no(err) {
		return
	}
	defer v.Close()
	l.items(v, p, true)
	if lines, err := v.Journal(l.Context(), &vault.JournalOptions{Limit: 1000}); !l.no(err) {
		require.GreaterOrEqual(l, len(lines), len(p.journal), l.msg...)
		require.Equal(l, p.journal, lines[len(lines)-len(p.journal):], "%v: another history was shown", l.msg)
		for _, e := range lines[:len(lines)-len(p.journal)] { // or it is told there
			l.refused = l.refused || e.Act == vault.ActGrantEnded || e.Act == vault.ActDepositMissing
		}
	}
	receipts, err := l.s.Receipts(l.Context(), v)
	l.no(err)
	for _, r := range receipts {
		require.NoError(l, r.Verify(l.s.PublicKey()), l.msg...)
		require.Equal(l, v.ID(), r.Principal, "%v: another's receipt", l.msg)
		l.seen++
	}
	_, err = l.s.Followers(l.Context(), v)
	l.no(err)
	_, err = v.Wish(l.Context())
	l.no(err)
}

// items looks at everything that a handle shows.
func (l *look) items(v *vault.Vault, p *knownPerson, own bool) {
	l.Helper()
	for it, err := range v.Items(l.Context()) {
		if l.no(err, vault.ErrNotAllowed) {
			continue
		}
		if text, waits := l.known.left[it.ID]; waits {
			require.Equal(l, text, it.Note.Text, l.msg...)
			continue
		}
		require.Equal(l, p.items[it.ID], it, "%v: something else was shown", l.msg)
		require.True(l, own || it.Compartment == vault.Shared, "%v: %s is private", l.msg, it.Name)
		l.seen++
		if it.Document == nil {
			continue
		}
		got, err := l.read(v, it.ID)
		require.True(l, strings.HasPrefix(p.content[it.ID], got), "%v: other bytes were released", l.msg)
		if !l.no(err) {
			require.Equal(l, p.content[it.ID], got, "%v: cut, and nobody said so", l.msg)
		}
	}
}

// draw notes the keys that a relay has now: where the paper of a membership was altered,
// its manager gives the relay new ones, and to these people's grants are sealed anew.
func (l *look) draw(in *consent.Worker, relay consent.RelayID) {
	post, err := in.At(l.Context(), relay)
	if err != nil {
		return
	}
	defer post.Close()
	if l.drawn == nil {
		l.drawn = map[vault.ID][]seal.BoxKey{}
	}
	l.drawn[relay] = append(l.drawn[relay], post.Keys().Inboxes...)
}

func (l *look) read(v *vault.Vault, id vault.ItemID) (string, error) {
	c, err := v.ReadDocument(l.Context(), id)
	if err != nil {
		return "", err
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	return string(b), err
}

// requireTrusted looks at what was written: grants and notes that are sealed to a
// public key open with one of somebody who is trusted. Lines of a journal are known
// by that their reader reads them.
func (k *known) requireTrusted(t testing.TB, written []storage.Write, drawn map[vault.ID][]seal.BoxKey, msg ...any) {
	t.Helper()
	for _, w := range written {
		parts := strings.Split(w.Key, "/")
		id, err := vault.ParseID(parts[0])
		if err != nil || w.Delete || len(w.Value) < 4 || !slices.Contains([]string{"h", "k", "s", "x", "i", "o", "g", "j", "in", "ask", "at"}, parts[1]) || id == k.stage.Directory.ID() && parts[1] == "x" {
			continue
		}
		require.Equal(t, seal.Format, w.Value[0], w.Key)
		if w.Value[1] == byte(seal.AlgBox) && parts[1] != "j" {
			require.True(t, k.isTrusted(id, parts[1:], w.Value, drawn), "%v: %s was sealed to somebody whom nobody let in", msg, w.Key)
		}
	}
}

func (k *known) isTrusted(id vault.ID, rest []string, record []byte, drawn map[vault.ID][]seal.BoxKey) bool {
	last, err := vault.ParseID(rest[len(rest)-1])
	if err != nil {
		return false
	}
	for holder, keys := range k.trusted {
		c := seal.Context{Type: seal.TypeNote, Vault: id, Object: last[:]}
		switch rest[0] {
		case "g":
			c = seal.Context{Type: seal.TypeGrant, Vault: id, Compartment: seal.Shared, Object: last[:], Holder: holder[:]}
		case "ask":
			c = seal.Context{Type: seal.TypeNote, Vault: id, Holder: last[:]}
		}
		for _, key := range slices.Concat(keys, drawn[holder]) {
			if _, _, err := key.Open(c, record); err == nil {
				return true
			}
		}
	}
	return false
}

// deaf is a witness that answers and hears nothing, patient lets everybody try as
// often as they like: nothing of a survey is left.
type deaf struct{ vault.Checkpoints }

func (deaf) Raise(context.Context, [16]byte, []vault.Checkpoint, []byte, bool) ([]vault.Checkpoint, error) {
	return nil, nil
}

type patient struct{ vault.Limiter }

func (patient) Count(context.Context, [16]byte, [32]byte) (vault.Tries, error) {
	return vault.Tries{Total: 1, Failed: 1}, nil
}

func (patient) Reset(context.Context, [16]byte, [32]byte, []byte) error { return nil }
