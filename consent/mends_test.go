package consent_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// Who would be left has other keys than the relay let in: they could not manage it.
func TestTheLastManagerWhoseKeysAreKnownStays(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	second := harbour.Hire(t, "Second", both)
	require.NoError(t, second.Own().ChangePassword(t.Context(), vault.ChangePassword{Old: second.Password, New: "a new password of mine", KnownToOthers: true}))
	require.ErrorIs(t, harbour.Desk(t).Leave(t.Context()), consent.ErrLastManager)
	digits, err := second.Fingerprint(t.Context())
	require.NoError(t, err)
	_, err = harbour.Desk(t).Renew(t.Context(), second.ID(), digits)
	require.NoError(t, err)
	require.NoError(t, harbour.Desk(t).Leave(t.Context()))
	require.Len(t, members(t, second.At(t, harbour)), 2, "and who left is still to be taken out")
}

// A roster is not stopped by as many notes as are looked at once, of somebody whose
// vault was set back: they wait, and who comes after them is taken in.
func TestManyNotesThatWaitKeepNobodyBehindThem(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	noisy := tn.Person(t)
	head := noisy.Vault.ID().String() + "/h/o"
	before := scan(t, tn, head)[head]
	f := tn.yes()
	f.Name = "Noisy"
	_, err := tn.service.Follow(t.Context(), noisy.Vault, f, vault.Secret{Password: noisy.Password})
	require.NoError(t, err)
	relay, err := tn.Public(t.Context(), tn.centre.relay.ID, tn.centre.relay.Key[:])
	require.NoError(t, err)
	inbox, err := seal.BoxPublicFromBytes(relay.Inbox)
	require.NoError(t, err)
	for n := range 501 { // all sort before a name that is drawn
		id := vault.ID{14: byte(n >> 8), 15: byte(n)}
		set(t, tn, tn.centre.relay.ID.String()+"/in/f/"+id.String(), noteOf(t, noisy.Vault, tn.centre.relay.ID, id, inbox))
	}
	set(t, tn, head, before)
	tn.Clock.Advance(31 * time.Second)
	tn.follow(t)
	people := mustPeople(t, tn.again(t))
	require.Len(t, people, 1)
	require.Equal(t, "Amina K.", people[0].Name)
}

// noteOf is a note as anybody who has a vault can make it.
func noteOf(t testing.TB, v *vault.Vault, relay consent.RelayID, id vault.ID, inbox seal.BoxPublic) []byte {
	t.Helper()
	said, err := seal.Marshal(struct {
		Name  string      `cbor:"1,keyasint"`
		Scope vault.Scope `cbor:"2,keyasint"`
		At    int64       `cbor:"3,keyasint"`
		Relay [16]byte    `cbor:"5,keyasint"`
	}{"Noisy", vault.ScopeSee, 1, relay})
	require.NoError(t, err)
	signed, err := v.SignAs(t.Context(), seal.Context{Type: seal.TypeNote, Object: id[:], Holder: relay[:]}, said)
	require.NoError(t, err)
	body, err := seal.Marshal(struct {
		Vault [16]byte `cbor:"1,keyasint"`
		Key   []byte   `cbor:"2,keyasint"`
		Grant [16]byte `cbor:"3,keyasint"`
		Said  []byte   `cbor:"4,keyasint"`
	}{v.ID(), v.Key(), [16]byte{1}, signed})
	require.NoError(t, err)
	note, err := inbox.Seal(seal.Context{Type: seal.TypeNote, Vault: relay, Object: id[:]}, nil, body)
	require.NoError(t, err)
	return note
}

// The relay's keys change, and the former ones are forgotten, while somebody says yes:
// a note under a former key would never be read.
func TestNoNoteIsSealedToAKeyThatWasReplaced(t *testing.T) {
	t.Parallel()
	d := &turning{mine: true}
	tn := newTown(t, &vaulttest.Options{Driver: func(under storage.Driver) storage.Driver { d.Driver = under; return d }})
	rotated := false
	meanwhile := func(then func()) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.key, d.then = tn.centre.relay.ID.String()+"/h/o", then
	}
	meanwhile(func() { // for the note its key is asked for first, for the grant then
		meanwhile(func() {
			_, err := tn.centre.Desk(t).RotateKey(t.Context())
			require.NoError(t, err)
			rotated = len(tn.post(t).Keys().Inboxes) == 1
		})
	})
	_, err := tn.service.Follow(context.WithValue(t.Context(), acting{}, true), tn.amina.Vault, tn.yes(), tn.secret())
	require.ErrorIs(t, err, vault.ErrRevision, "nothing was done: again")
	require.True(t, rotated)
	require.Empty(t, mustPeople(t, tn.post(t)))
	tn.follow(t)
	require.Len(t, mustPeople(t, tn.post(t)), 1)
}

// A server stops for good between the commit of a relay's new keys and its report to
// the witness. Nobody may believe that head, and none of the notes is lost by it.
func TestALostReportOfTheRelayLosesNoNote(t *testing.T) {
	t.Parallel()
	w := &unheard{}
	tn := newTown(t, &vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { w.Checkpoints = c; return w }})
	tn.follow(t)
	id := tn.centre.relay.ID
	w.id.Store(&id)
	_, err := tn.centre.Desk(t).RotateKey(t.Context())
	require.ErrorIs(t, err, vault.ErrUnconfirmed)
	require.NotEmpty(t, scan(t, tn, id.String()+"/in/f/"), "her note waits")
	w.id.Store(nil)

	other := tn.Another(t, nil)
	there := *tn.centre.Relay
	there.Manager = tn.centre.Manager.SignIn(t, other)
	there.Desk(t) // a manager has it reported
	require.Len(t, mustPeople(t, tn.centre.worker.SignIn(t, other).At(t, tn.centre.Relay)), 1)
}

// The service stops after somebody's new role, and before the relay's new keys: the
// act repeated takes the key of the whole relay from who manages no more.
func TestWhoManagesNoMoreKeepsNoKeyAfterACrash(t *testing.T) {
	t.Parallel()
	d := &turning{}
	s := consenttest.New(t, &consenttest.Options{Vault: vaulttest.Options{Driver: func(under storage.Driver) storage.Driver { d.Driver = under; return d }}})
	harbour := s.Relay(t, "Harbour")
	second := harbour.Hire(t, "Second", both)
	desk := harbour.Desk(t)
	d.last.Store(second.ID().String() + "/m/")
	_, err := desk.SetRoles(t.Context(), second.ID(), consent.RoleHelp)
	require.Error(t, err)
	d.last.Store("")
	sheet, err := harbour.Desk(t).SetRoles(t.Context(), second.ID(), consent.RoleHelp)
	require.NoError(t, err)
	require.NotNil(t, sheet, "new keys of the whole relay")
	v := bySheet(t, s, *sheet)
	holders, err := v.Holders(t.Context(), vault.Secret{Password: sheet.Code})
	require.NoError(t, err)
	require.Equal(t, []vault.ID{harbour.Manager.ID()}, holders)
}
