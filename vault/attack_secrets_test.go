package vault_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

func resetCounters(t *testing.T, s *hostile) {
	before := s.host.Now()
	try := func() error {
		s.host.Replay("", before) // whatever the store may have counted is gone
		_, err := s.Another(t, nil).Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: "wrong wrong"})
		return err
	}
	for range 5 {
		require.ErrorIs(t, try(), vault.ErrSignIn)
	}
	for range 3 {
		require.ErrorIs(t, try(), vault.ErrBackOff, "no extra guess")
	}
	s.Clock.Set(s.Clock.Now().Add(-48 * time.Hour)) // nor for who sets the clock
	require.ErrorIs(t, try(), vault.ErrBackOff)
	s.Clock.Advance(31 * time.Second)
	require.ErrorIs(t, try(), vault.ErrSignIn)
}

// wrapToAnotherKey: the store shows an owner head with an inbox and a key of its
// own, so that what is sealed next would be sealed to it.
func wrapToAnotherKey(t *testing.T, s *hostile) {
	id := s.v.ID()
	honestHead := s.record("h/o").Bytes()
	mallory := seal.NewSigningKey()
	box, err := seal.NewBoxKey()
	require.NoError(t, err)
	forge := func() *seal.OwnerHead {
		h, err := seal.OpenOwnerHead(id, honestHead)
		require.NoError(t, err)
		h.Version++
		for i := range h.Compartments {
			h.Compartments[i].Inbox = box.Public().Bytes()
		}
		return h
	}
	own := forge()
	own.Key, own.Succession = mallory.Public(), nil
	signed, err := mallory.SealOwnerHead(own)
	require.NoError(t, err)
	envelope := func(h *seal.OwnerHead) []byte {
		body, err := seal.Marshal(h)
		require.NoError(t, err)
		e, err := mallory.SignEnvelope(seal.Context{Type: seal.TypeOwnerHead, Vault: id, Compartment: seal.Owner}, body)
		require.NoError(t, err)
		return e
	}
	heir := forge() // as if the vault's key had named it
	heir.Succession = []seal.Succession{{Old: heir.Key, New: mallory.Public(), Signature: mallory.Sign(seal.Context{Type: seal.TypeSuccession, Vault: id}, heir.Key)}}
	heir.Key = mallory.Public()
	before, wraps, services := s.host.Now(), s.wraps.Load(), int64(0)
	for _, forged := range [][]byte{signed, envelope(forge()), envelope(heir)} {
		s.record("h/o").Forge(forged)
		_, err = s.v.AddNote(t.Context(), "x", vault.Note{}, vault.Place{})
		requireRefused(t, err)
		_, err = s.v.Journal(t.Context(), nil)
		requireRefused(t, err)
		requireRefused(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova"}))
		_, err = s.Another(t, nil).Resume(t.Context(), s.v.Token())
		requireRefused(t, err)
		_, err = s.Another(t, nil).Unlock(t.Context(), s.person.Secret())
		require.ErrorIs(t, err, vault.ErrSignIn)
		requireRefused(t, err)
		services += 2
		s.Clock.Advance(vaultWait / 4)
	}
	s.record("h/o").Forge(signed)
	_, err = s.v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
	s.host.Honest()
	for _, w := range s.host.Written(before) {
		require.NotContains(t, w.Key, s.v.ID().String(), "nothing was sealed to it")
	}
	require.Equal(t, services, s.wraps.Load()-wraps, "nor wrapped, but for the decoy of each service")
	s.Clock.Advance(vaultWait)
	s.person.SignIn(t, s.Another(t, nil))
}

// otherCost puts parameters into the keyslot that no program of today writes.
func otherCost(t *testing.T, s *hostile, changes ...func(k *seal.KDF)) {
	t.Helper()
	for _, change := range changes {
		p := s.Person(t)
		require.NoError(t, p.Vault.ReplaceSlot(t.Context(), p.Login, p.Password, change))
		stage := s.Another(t, nil)
		count, stop := stage.CountDerivations()
		_, err := stage.Unlock(t.Context(), p.Secret())
		require.ErrorIs(t, err, vault.ErrSignIn)
		require.ErrorIs(t, err, vault.ErrTampered)
		require.Equal(t, 1, count(), "the decoy, at today's cost")
		stop()
	}
}

func cheaperPassword(t *testing.T, s *hostile) {
	otherCost(t, s, func(k *seal.KDF) { k.Time = 0 }, func(k *seal.KDF) { k.MemoryKiB = 8 }, func(k *seal.KDF) { k.Salt = k.Salt[:8] })
}

func costlierPassword(t *testing.T, s *hostile) {
	otherCost(t, s, func(k *seal.KDF) { k.MemoryKiB = 1 << 31 }, func(k *seal.KDF) { k.Time = 1 << 31 }, func(k *seal.KDF) { k.Threads = 255 }, func(k *seal.KDF) { k.Salt = make([]byte, 200) })
}

func missingCost(t *testing.T, s *hostile) {
	otherCost(t, s, func(k *seal.KDF) { *k = seal.KDF{} }, func(k *seal.KDF) { k.Algorithm = 0 }, func(k *seal.KDF) { k.Salt = nil }, func(k *seal.KDF) { k.Threads = 0 })
}

func keyslotOfAnotherVault(t *testing.T, s *hostile) {
	other := s.Person(t)
	id := other.Vault.ID().String() + "/"
	h := remember(t, s.v)
	s.slot().Swap(s.host.Record(s.host.Records(id + "s/")[0]))
	requireRefused(t, h.survey(t, s))
	s.record("k/w").Swap(s.host.Record(id + "k/w")) // with the key around it, too
	requireRefused(t, h.survey(t, s))
	_, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: other.Password})
	require.ErrorIs(t, err, vault.ErrSignIn)
	s.host.Honest()
	require.NoError(t, h.survey(t, s))
}

func cutKeyslot(t *testing.T, s *hostile) {
	slot := s.slot()
	whole := slot.Bytes()
	h := remember(t, s.v)
	for _, b := range [][]byte{{}, whole[:1], whole[:len(whole)/2], whole[:len(whole)-1], append(slices.Clone(whole), 0), append(slices.Clone(whole), whole...)} {
		slot.Forge(b)
		requireRefused(t, h.survey(t, s), len(b))
	}
	slot.Honest()
	require.NoError(t, h.survey(t, s))
}

// marked sets the byte at a place of a record of each kind to other values.
func marked(t *testing.T, s *hostile, place int, values ...byte) {
	t.Helper()
	it := add(t, s.v, "Carte", content(1, 500))
	h := remember(t, s.v)
	pieces := []storagetest.Piece{s.slot(), s.item(it), s.entry(1)}
	for _, rest := range []string{"h/o", "h/s", "h/p", "h/j", "k/o", "k/s", "k/p", "k/w", "x/s/0", "x/p/0"} {
		pieces = append(pieces, s.record(rest))
	}
	for n, piece := range pieces {
		for _, value := range values {
			if piece.Bytes()[place] == value {
				continue
			}
			piece.Splice(place, []byte{value})
			requireRefused(t, h.survey(t, s), "%d: %d", n, value)
			piece.Honest()
		}
	}
	require.NoError(t, h.survey(t, s))
}

func oldFormat(t *testing.T, s *hostile)        { marked(t, s, 0, 0, 2, 255) }
func unknownAlgorithm(t *testing.T, s *hostile) { marked(t, s, 1, 0, 1, 2, 5, 99) }

func guessesAtOnce(t *testing.T, s *hostile) {
	var all sync.WaitGroup
	errs := make([]error, 30)
	for n := range errs {
		stage := s.Stage
		if n%3 == 0 {
			stage = s.Another(t, nil)
		}
		all.Go(func() {
			_, errs[n] = stage.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: "wrong wrong"})
		})
	}
	all.Wait()
	evaluated := 0
	for _, err := range errs {
		if !errors.Is(err, vault.ErrBackOff) {
			require.ErrorIs(t, err, vault.ErrSignIn)
			evaluated++
		}
	}
	require.Equal(t, 5, evaluated, "counted before evaluated")
}

func strangerWhoGuesses(t *testing.T, s *hostile) {
	in, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: s.person.Password})
	require.NoError(t, err)
	for range 40 {
		_, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: "wrong wrong"})
		var backOff *vault.BackOffError
		if errors.As(err, &backOff) {
			require.LessOrEqual(t, backOff.Wait, 15*time.Minute, "a wait, never a lock")
			s.Clock.Advance(backOff.Wait)
			continue
		}
		require.ErrorIs(t, err, vault.ErrSignIn)
	}
	require.Empty(t, papers(t, in), "who is in stays in")
	s.Clock.Advance(15 * time.Minute)
	s.person.SignIn(t, s.Stage)
}

// serviceOn starts a service of the same data with another key service.
func serviceOn(t *testing.T, s *scene, k vault.Keeper) (*vault.Vaults, error) {
	t.Helper()
	service, err := vault.New(t.Context(), vault.Config{
		Store: s.Store, Blobs: s.Blobs, Keeper: k, Checkpoints: s.Witness, Limiter: s.Witness, Quota: s.Quota, Now: s.Clock.Now,
	})
	if err == nil {
		t.Cleanup(func() { require.NoError(t, service.Close()) })
	}
	return service, err
}

func swappedKeyRecords(t *testing.T, s *hostile) {
	other := s.Person(t)
	h := remember(t, s.v)
	theirs := s.host.Record(other.Vault.ID().String() + "/k/w")
	s.record("k/w").Swap(theirs)
	requireRefused(t, h.survey(t, s))
	_, err := s.Unlock(t.Context(), other.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn)
	s.host.Honest()
	require.NoError(t, h.survey(t, s))

	s.host.Record("svc/keys").Swap(theirs) // the context inside says what each is
	_, err = serviceOn(t, s.scene, s.Keeper)
	require.ErrorIs(t, err, vault.ErrKeyService)
	s.host.Honest()
	_, err = serviceOn(t, s.scene, s.Keeper)
	require.NoError(t, err)
}

func anotherKeyService(t *testing.T, s *hostile) {
	_, err := serviceOn(t, s.scene, newKeeper(t))
	require.ErrorIs(t, err, vault.ErrKeyService)
	require.NotErrorIs(t, err, vault.ErrStorage)
}

func keyServiceAway(t *testing.T, s *hostile) {
	paper := add(t, s.v, "Carte", content(1, 500))
	w := watch(t, s.Stage, nil)
	w.keeper.away.Store(true)
	before := dump(t, s.Store)
	_, err := w.Unlock(t.Context(), s.person.Secret())
	require.ErrorIs(t, err, vault.ErrKeyService)
	_, err = serviceOn(t, s.scene, w.keeper)
	require.ErrorIs(t, err, vault.ErrKeyService)
	require.Equal(t, before, dump(t, s.Store))
	w.heal()
	require.Equal(t, content(1, 500), read(t, s.person.SignIn(t, w.Stage), paper.ID))
}

// inboxThatIsNoKey: a program that was taken over names as Owner's inbox what is
// no key, or one that everybody has, in a head signed by the vault's own key.
func inboxThatIsNoKey(t *testing.T, s *hostile) {
	keys, _, _ := s.v.Keys()
	require.NotEmpty(t, keys)
	good, err := seal.NewBoxKey()
	require.NoError(t, err)
	low := good.Public().Bytes()
	clear(low[len(low)-32:]) // X25519: a point of low order
	s.Report()               // what is raised for these heads would be the witness's word from then on
	for name, inbox := range map[string][]byte{
		"low order": low, "zeros": make([]byte, seal.BoxPublicSize), "an Ed25519 key": seal.NewSigningKey().Public(), "empty": {},
	} {
		forged, err := s.v.SetInbox(t.Context(), inbox)
		if err != nil {
			require.ErrorIs(t, err, seal.ErrArgument, name) // not even a head can say so
			continue
		}
		s.record("h/o").Forge(forged)
		before := s.host.Now()
		_, err = s.v.AddNote(t.Context(), "x", vault.Note{}, vault.Place{})
		requireRefused(t, err, name)
		require.Empty(t, s.host.Written(before), "%s: nothing was sealed to it", name)
		s.host.Honest()
	}
	addNote(t, s.v, "all is well", "")
}

// lookAlikeIDs: an id has one spelling, and what the store keeps under another is
// not found.
func lookAlikeIDs(t *testing.T, s *hostile) {
	it := add(t, s.v, "Carte", content(1, 500))
	id := it.ID.String()
	last := strings.IndexByte("abcdefghijklmnopqrstuvwxyz234567", id[25])
	letter := strings.IndexFunc(id, unicode.IsLetter)
	for _, other := range []string{
		strings.ToUpper(id), id[:letter] + strings.ToUpper(id[letter:letter+1]) + id[letter+1:], id + "=", id + " ", " " + id, id[:25],
		id[:25] + string("abcdefghijklmnopqrstuvwxyz234567"[last^1]), // the bits behind the 128th
		strings.Replace(id, id[:1], string(rune(id[0])+0xfee0), 1),   // a full-width letter
	} {
		_, err := vault.ParseItemID(other)
		require.ErrorIs(t, err, vault.ErrInvalid, other)
		_, err = vault.ParseID(other)
		require.ErrorIs(t, err, vault.ErrInvalid, other)
	}
	h := remember(t, s.v)
	s.item(it).Swap(s.record("i/" + strings.ToUpper(id)))
	requireRefused(t, h.survey(t, s))
	var missing *vault.MissingError
	_, err := s.v.Item(t.Context(), it.ID)
	require.ErrorAs(t, err, &missing)
}
