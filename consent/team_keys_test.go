package consent_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// followed is a person whom a relay follows, with a note in its roster.
func followed(t testing.TB, s *consenttest.Stage, r *consenttest.Relay, name string) (*vaulttest.Person, vault.GrantID) {
	t.Helper()
	who := s.Person(t)
	_, err := s.Follow(t.Context(), who.Vault, consent.Follow{
		Relay: r.ID, Scope: vault.ScopeAdd, Notice: vault.Notice{Version: "1", Language: "en", Text: "What they see."}, Agreed: true, Name: name,
	}, vault.Secret{Password: who.Password})
	require.NoError(t, err)
	all, err := who.Vault.Grants(t.Context())
	require.NoError(t, err)
	return who, all[len(all)-1].ID
}

func sized(short, all int) int {
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		return all
	}
	return short
}

func TestAfterAWorkerGoesEveryGrantLiesUnderTheNewKey(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir, nadia := harbour.Hire(t, "Samir", consent.RoleHelp), harbour.Hire(t, "Nadia", consent.RoleHelp)
	type one struct {
		who   *vaulttest.Person
		grant vault.GrantID
	}
	var people []one
	for n := range sized(5, 50) {
		who, grant := followed(t, s, harbour, "Person "+strconv.Itoa(n))
		people = append(people, one{who, grant})
		if n == 2 { // some are in the roster, of others the note still waits
			list, err := samir.At(t, harbour).People(t.Context())
			require.NoError(t, err)
			require.Len(t, list, 3)
		}
	}
	old := samir.At(t, harbour).Keys()
	_, err := harbour.Desk(t).Remove(t.Context(), samir.ID())
	require.NoError(t, err)

	desk := nadia.At(t, harbour) // not a manager: whoever comes next
	list, err := desk.People(t.Context())
	require.NoError(t, err)
	require.Len(t, list, len(people))
	for _, p := range people {
		v, err := s.OpenGrant(t.Context(), p.who.Vault.ID(), p.grant, desk.Guest("housing"))
		require.NoError(t, err)
		v.Close()
		g := desk.Guest("housing")
		g.Keys = old.Inboxes
		_, err = s.OpenGrant(t.Context(), p.who.Vault.ID(), p.grant, g)
		require.ErrorIs(t, err, vault.ErrTampered, "the key that they took with them opens no current grant")
	}
	require.Len(t, nadia.At(t, harbour).Keys().Inboxes, 1, "and is not given to anybody any more")
}

// Nobody can be helped to a forgotten password: the worker comes with a new account,
// and the old one opens nothing, also not with a copy of the store of today.
func TestAForgottenPasswordIsANewAccount(t *testing.T) {
	t.Parallel()
	host := storagetest.NewMalicious(memstore.New(), memstore.NewBlobs())
	s := consenttest.New(t, &consenttest.Options{Vault: vaulttest.Options{Records: host, Documents: host.Blobs()}})
	harbour := s.Relay(t, "Harbour")
	old := harbour.Hire(t, "Samir", consent.RoleHelp)
	who, grant := followed(t, s, harbour, "Amina")
	_, err := old.At(t, harbour).People(t.Context())
	require.NoError(t, err)
	desk := harbour.Desk(t)
	i, err := desk.Invite(t.Context(), consent.RoleHelp, nil)
	require.NoError(t, err)
	again, err := s.Enrolled(t.Context(), i.Code, "Samir")
	require.NoError(t, err)
	_, err = again.Ask(t.Context(), i.Code)
	require.NoError(t, err)
	digits, err := again.Fingerprint(t.Context())
	require.NoError(t, err)
	held := old.At(t, harbour)
	before := host.Now()
	_, err = desk.ReplaceForgotten(t.Context(), old.ID(), consent.Admission{Worker: again.ID(), Fingerprint: digits, Roles: consent.RoleHelp})
	require.NoError(t, err)
	_, err = again.At(t, harbour).People(t.Context())
	require.NoError(t, err)

	// Whoever finds the old password, with the records of today and their old pointer.
	require.NoError(t, err)
	stranger := old.SignIn(t, s)
	_, err = stranger.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, consent.ErrNotMember)
	host.Replay(old.ID().String()+"/m/", before)
	_, err = stranger.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, vault.ErrEnded, "C4: a membership of before")
	g := held.Guest("")
	g.Standing = nil
	_, err = s.OpenGrant(t.Context(), who.Vault.ID(), grant, g)
	require.ErrorIs(t, err, vault.ErrTampered)
	v, err := opens(t, s, again, harbour, who, grant)
	require.NoError(t, err)
	v.Close()
}

func TestTheLastManagerCannotGo(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	require.ErrorIs(t, harbour.Desk(t).Leave(t.Context()), consent.ErrLastManager)
	_, err := harbour.Desk(t).Remove(t.Context(), harbour.Manager.ID())
	require.ErrorIs(t, err, vault.ErrNotAllowed, "one leaves, one does not take oneself out")
	_, err = harbour.Desk(t).SetRoles(t.Context(), harbour.Manager.ID(), consent.RoleHelp)
	require.ErrorIs(t, err, vault.ErrNotAllowed)

	// With a second one, either can go; the other sees the rest to its end.
	_, err = harbour.Desk(t).SetRoles(t.Context(), samir.ID(), both)
	require.NoError(t, err)
	require.Equal(t, both, samir.At(t, harbour).Roles())
	require.NoError(t, harbour.Desk(t).Leave(t.Context()))
	desk := samir.At(t, harbour)
	team, err := desk.Members(t.Context())
	require.NoError(t, err)
	require.True(t, team.OneManager)
	require.Len(t, team.Members, 2)
	require.Equal(t, consent.MemberLeaving, members(t, desk)[harbour.Manager.Name()], "by their name, as long as they hold a key")
	require.ErrorIs(t, desk.Leave(t.Context()), consent.ErrLastManager)
	sheet, err := samir.At(t, harbour).Remove(t.Context(), harbour.Manager.ID())
	require.NoError(t, err)
	require.NotNil(t, sheet)
	require.Len(t, members(t, samir.At(t, harbour)), 1)
}

func TestOfTwoManagersWhoTakeEachOtherOutOneStays(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(p *consent.Post, other vault.ID) error{
		"remove": func(p *consent.Post, other vault.ID) error { _, err := p.Remove(t.Context(), other); return err },
		"leave":  func(p *consent.Post, _ vault.ID) error { return p.Leave(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := consenttest.New(t, nil)
			harbour := s.Relay(t, "Harbour")
			second := harbour.Hire(t, "Second", both)
			desks := []*consent.Post{harbour.Desk(t), second.At(t, harbour)}
			errs := make([]error, 2)
			done := make(chan int)
			for n := range desks {
				go func() {
					errs[n] = act(desks[n], desks[1-n].Worker().ID())
					done <- n
				}()
			}
			<-done
			<-done
			here := 0
			for _, w := range []*consenttest.Staff{harbour.Manager, second} {
				if p, err := w.Worker.At(t.Context(), harbour.ID); err == nil {
					here++
					_, err := p.Members(t.Context())
					require.NoError(t, err)
					p.Close()
				}
			}
			require.GreaterOrEqual(t, here, 1, "%v", errs)
		})
	}
}

func TestARelayTakesNewKeysWhileTheAuthorityIsAway(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	who, grant := followed(t, s, harbour, "Amina")
	desk := harbour.Desk(t)
	sheet, err := desk.RotateKey(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, harbour.Sheet.Code, sheet.Code)
	require.Equal(t, harbour.Sheet.Login, sheet.Login)

	// Who works there goes on, by the credential of before; persons too; and new ones
	// are let in under the new keys.
	v, err := opens(t, s, samir, harbour, who, grant)
	require.NoError(t, err)
	_, err = v.AddNote(t.Context(), "n", vault.Note{Text: "n"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	nadia := harbour.Hire(t, "Nadia", consent.RoleHelp)
	later, other := followed(t, s, harbour, "Bilal")
	v, err = opens(t, s, nadia, harbour, later, other)
	require.NoError(t, err)
	_, err = v.AddNote(t.Context(), "n", vault.Note{Text: "n"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	entries, err := later.Vault.Journal(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, "Nadia", entries[0].Actor.Name, "signed by a key that follows the authority's")
	other2 := s.Another(t, nil)
	_, err = opens(t, other2, samir.SignIn(t, other2), harbour, who, grant)
	require.NoError(t, err, "also in another process")

	// The authority goes on naming the first key.
	s.Sign(t, consent.Change{Relay: &consent.Relay{
		ID: harbour.ID, Organisation: s.Organisation.ID, Name: "Harbour and sea", Type: consent.TypeShelter, Country: "FR", Key: harbour.Key, Since: harbour.Since,
	}})
	samir.At(t, harbour)
}

func TestTheRecoverySheetLetsAManagerInWhenNobodyHasAPassword(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	who, grant := followed(t, s, harbour, "Amina")
	wrong := harbour.Sheet
	wrong.Code = "0000 0000 0000 0000 0000 0000"
	_, _, err := samir.RecoverRelay(t.Context(), wrong)
	require.ErrorIs(t, err, vault.ErrInvalid, "mistyped")
	other := s.Relay(t, "Station")
	wrong.Code = other.Sheet.Code
	_, _, err = samir.RecoverRelay(t.Context(), wrong)
	require.ErrorIs(t, err, vault.ErrSignIn)

	typed := harbour.Sheet
	typed.Code = strings.NewReplacer(" ", "", "0", "٠", "1", "١", "2", "٢", "3", "٣").Replace(typed.Code)
	zoe := s.Worker(t, "Zoé")
	relay, next, err := zoe.RecoverRelay(t.Context(), typed)
	require.NoError(t, err)
	require.Equal(t, harbour.ID, relay)
	desk := zoe.At(t, harbour)
	require.Equal(t, consent.MemberActive, members(t, desk)["Zoé"])
	v, err := opens(t, s, zoe, harbour, who, grant)
	require.NoError(t, err)
	v.Close()
	entries, err := desk.Journal(t.Context(), nil)
	require.NoError(t, err)
	var told bool
	for _, e := range entries {
		told = told || e.Act == vault.ActHolderAdded && e.Detail["holder"] == zoe.ID().String()
	}
	require.True(t, told)

	_, _, err = zoe.RecoverRelay(t.Context(), harbour.Sheet)
	require.ErrorIs(t, err, vault.ErrSignIn, "a sheet is used up")
	sheet, err := desk.Remove(t.Context(), harbour.Manager.ID())
	require.NoError(t, err)
	require.NotNil(t, sheet)
	_, _, err = zoe.RecoverRelay(t.Context(), next)
	require.ErrorIs(t, err, vault.ErrSignIn)
	_, _, err = zoe.RecoverRelay(t.Context(), *sheet)
	require.NoError(t, err, "who manages already may use it, too")
	require.Len(t, members(t, zoe.At(t, harbour)), 2)
	samir.At(t, harbour)
}

func TestAWorkerWhosePasswordOthersKnowIsLetInAgain(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	who, grant := followed(t, s, harbour, "Amina")
	_, err := samir.At(t, harbour).People(t.Context())
	require.NoError(t, err)
	stolen := samir.At(t, harbour).Keys()
	before, err := samir.Fingerprint(t.Context())
	require.NoError(t, err)
	require.NoError(t, samir.Own().ChangePassword(t.Context(), vault.ChangePassword{Old: samir.Password, New: "a new password of mine", KnownToOthers: true}))
	_, err = samir.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, consent.ErrKeyChanged)
	desk := harbour.Desk(t)
	team, err := desk.Members(t.Context())
	require.NoError(t, err)
	require.True(t, team.Members[1].KeyChanged)
	_, err = desk.Renew(t.Context(), samir.ID(), before)
	require.ErrorIs(t, err, consent.ErrFingerprint)
	digits, err := samir.Fingerprint(t.Context())
	require.NoError(t, err)
	sheet, err := desk.Renew(t.Context(), samir.ID(), digits)
	require.NoError(t, err)
	require.Nil(t, sheet)
	v, err := opens(t, s, samir, harbour, who, grant)
	require.NoError(t, err)
	_, err = v.AddNote(t.Context(), "n", vault.Note{Text: "n"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	g := samir.At(t, harbour).Guest("")
	g.Keys = stolen.Inboxes
	_, err = s.OpenGrant(t.Context(), who.Vault.ID(), grant, g)
	require.ErrorIs(t, err, vault.ErrTampered, "the relay has new keys as well")
}

// While the store shows a relay's head damaged, who changes their keys gives it none.
// That ends nothing: the person stays in the roster, and opens to it again.
func TestARelayWhoseHeadWasDamagedKeepsWhomItFollows(t *testing.T) {
	t.Parallel()
	s, host := lying(t)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	amina, _ := followed(t, s, harbour, "Amina")
	require.Len(t, mustPeople(t, samir.At(t, harbour)), 1)
	host.Record(harbour.ID.String() + "/h/o").Flip(100)
	require.NoError(t, amina.Vault.ChangePassword(t.Context(), vault.ChangePassword{Old: amina.Password, New: "gato niru pesa fova", KnownToOthers: true}))
	amina.Password = "gato niru pesa fova"
	host.Honest()
	post := samir.At(t, harbour)
	_, err := post.Open(t.Context(), amina.Vault.ID(), consent.Purpose{Code: consent.PurposeHousing})
	require.ErrorIs(t, err, vault.ErrEnded, "the relay has no key of today")
	require.Len(t, mustPeople(t, post), 1)
	amina.SignIn(t, s.Stage)
	v, err := post.Open(t.Context(), amina.Vault.ID(), consent.Purpose{Code: consent.PurposeHousing})
	require.NoError(t, err)
	v.Close()
}
