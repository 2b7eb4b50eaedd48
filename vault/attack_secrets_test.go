package vault_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

func resetCounters(t *testing.T, s *scene) {
	before := dump(t, s.Store)
	try := func() error {
		putBack(t, s.Store, before) // whatever the store may have counted is gone
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
func wrapToAnotherKey(t *testing.T, s *scene) {
	id := s.v.ID()
	honestHead := get(t, s.Store, s.key("h/o"))
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
	lines := len(keys(t, s.Store, s.key("j/")))
	for _, forged := range [][]byte{signed, envelope(forge()), envelope(heir)} {
		set(t, s.Store, s.key("h/o"), forged)
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
		s.Clock.Advance(vaultWait / 4)
	}
	set(t, s.Store, s.key("h/o"), signed)
	_, err = s.v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
	set(t, s.Store, s.key("h/o"), honestHead)
	require.Len(t, keys(t, s.Store, s.key("j/")), lines, "nothing was sealed to it")
	s.Clock.Advance(vaultWait)
	s.person.SignIn(t, s.Another(t, nil))
}

// otherCost puts parameters into the keyslot that no program of today writes.
func otherCost(t *testing.T, s *scene, changes ...func(k *seal.KDF)) {
	t.Helper()
	for _, change := range changes {
		s := &scene{Stage: s.Stage, person: s.Person(t)}
		require.NoError(t, s.person.Vault.ReplaceSlot(t.Context(), s.person.Login, s.person.Password, change))
		stage := s.Another(t, nil)
		count, stop := stage.CountDerivations()
		_, err := stage.Unlock(t.Context(), s.person.Secret())
		require.ErrorIs(t, err, vault.ErrSignIn)
		require.ErrorIs(t, err, vault.ErrTampered)
		require.Equal(t, 1, count(), "the decoy, at today's cost")
		stop()
	}
}

func cheaperPassword(t *testing.T, s *scene) {
	otherCost(t, s, func(k *seal.KDF) { k.Time = 0 }, func(k *seal.KDF) { k.MemoryKiB = 8 }, func(k *seal.KDF) { k.Salt = k.Salt[:8] })
}

func costlierPassword(t *testing.T, s *scene) {
	otherCost(t, s, func(k *seal.KDF) { k.MemoryKiB = 1 << 31 }, func(k *seal.KDF) { k.Time = 1 << 31 }, func(k *seal.KDF) { k.Threads = 255 }, func(k *seal.KDF) { k.Salt = make([]byte, 200) })
}

func missingCost(t *testing.T, s *scene) {
	otherCost(t, s, func(k *seal.KDF) { *k = seal.KDF{} }, func(k *seal.KDF) { k.Algorithm = 0 }, func(k *seal.KDF) { k.Salt = nil }, func(k *seal.KDF) { k.Threads = 0 })
}

func keyslotOfAnotherVault(t *testing.T, s *scene) {
	other := s.Person(t)
	id := other.Vault.ID().String()
	mine, theirs := keys(t, s.Store, s.key("s/"))[0], keys(t, s.Store, id+"/s/")[0]
	h := remember(t, s.v)
	honest := map[string][]byte{}
	for _, key := range []string{mine, s.key("k/w")} {
		honest[key] = get(t, s.Store, key)
	}
	set(t, s.Store, mine, get(t, s.Store, theirs))
	requireRefused(t, h.survey(t, s))
	set(t, s.Store, s.key("k/w"), get(t, s.Store, id+"/k/w")) // with the key around it, too
	requireRefused(t, h.survey(t, s))
	_, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: other.Password})
	require.ErrorIs(t, err, vault.ErrSignIn)
	for key, b := range honest {
		set(t, s.Store, key, b)
	}
	require.NoError(t, h.survey(t, s))
}

func cutKeyslot(t *testing.T, s *scene) {
	key := keys(t, s.Store, s.key("s/"))[0]
	whole := get(t, s.Store, key)
	h := remember(t, s.v)
	for _, b := range [][]byte{{}, whole[:1], whole[:len(whole)/2], whole[:len(whole)-1], append(slices.Clone(whole), 0), append(slices.Clone(whole), whole...)} {
		set(t, s.Store, key, b)
		requireRefused(t, h.survey(t, s), len(b))
	}
	set(t, s.Store, key, whole)
	require.NoError(t, h.survey(t, s))
}

// marked sets the byte at a place of a record of each kind to other values.
func marked(t *testing.T, s *scene, place int, values ...byte) {
	t.Helper()
	it := add(t, s.v, "Carte", content(1, 500))
	h := remember(t, s.v)
	slot := strings.TrimPrefix(keys(t, s.Store, s.key("s/"))[0], s.key(""))
	for _, rest := range []string{"h/o", "h/s", "h/p", "h/j", "k/o", "k/s", "k/p", "k/w", "x/s/0", "x/p/0", "i/" + it.ID.String(), "j/0000000000000001", slot} {
		whole := get(t, s.Store, s.key(rest))
		for _, value := range values {
			b := slices.Clone(whole)
			if b[place] == value {
				continue
			}
			b[place] = value
			set(t, s.Store, s.key(rest), b)
			requireRefused(t, h.survey(t, s), "%s: %d", rest, value)
		}
		set(t, s.Store, s.key(rest), whole)
	}
	require.NoError(t, h.survey(t, s))
}

func oldFormat(t *testing.T, s *scene)        { marked(t, s, 0, 0, 2, 255) }
func unknownAlgorithm(t *testing.T, s *scene) { marked(t, s, 1, 0, 1, 2, 5, 99) }

func guessesAtOnce(t *testing.T, s *scene) {
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

func strangerWhoGuesses(t *testing.T, s *scene) {
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

func swappedKeyRecords(t *testing.T, s *scene) {
	other := s.Person(t)
	h := remember(t, s.v)
	theirs := other.Vault.ID().String() + "/k/w"
	swap(t, s.Store, s.key("k/w"), theirs)
	requireRefused(t, h.survey(t, s))
	_, err := s.Unlock(t.Context(), other.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn)
	swap(t, s.Store, s.key("k/w"), theirs)
	require.NoError(t, h.survey(t, s))

	swap(t, s.Store, "svc/keys", theirs) // the context inside says what each is
	_, err = serviceOn(t, s, s.Keeper)
	require.ErrorIs(t, err, vault.ErrKeyService)
	swap(t, s.Store, "svc/keys", theirs)
	_, err = serviceOn(t, s, s.Keeper)
	require.NoError(t, err)
}

func anotherKeyService(t *testing.T, s *scene) {
	_, err := serviceOn(t, s, newKeeper(t))
	require.ErrorIs(t, err, vault.ErrKeyService)
	require.NotErrorIs(t, err, vault.ErrStorage)
}

func keyServiceAway(t *testing.T, s *scene) {
	paper := add(t, s.v, "Carte", content(1, 500))
	w := watch(t, s.Stage, nil)
	w.keeper.away.Store(true)
	before := dump(t, s.Store)
	_, err := w.Unlock(t.Context(), s.person.Secret())
	require.ErrorIs(t, err, vault.ErrKeyService)
	_, err = serviceOn(t, s, w.keeper)
	require.ErrorIs(t, err, vault.ErrKeyService)
	require.Equal(t, before, dump(t, s.Store))
	w.heal()
	require.Equal(t, content(1, 500), read(t, s.person.SignIn(t, w.Stage), paper.ID))
}
