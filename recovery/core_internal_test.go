package recovery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/seal"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

type scene struct {
	*consenttest.Stage
	*Service
	harbour, line              *consenttest.Relay
	samir, nora, paul, quentin *consenttest.Staff
	amina                      *vaulttest.Person
	v                          *vault.Vault
}

func newScene(t *testing.T) *scene {
	s := &scene{Stage: consenttest.New(t, nil)}
	s.harbour, s.line = s.Relay(t, "Harbour"), s.Relay(t, "Line")
	other := consent.Organisation{ID: consent.NewOrganisationID(), Name: "Others", Country: "FR"}
	s.Sign(t, consent.Change{Organisation: &other})
	s.line.Relay.Organisation, s.line.Relay.Type = other.ID, consent.TypeDesk
	s.Sign(t, consent.Change{Relay: &s.line.Relay})
	s.samir, s.nora = s.harbour.Hire(t, "Samir", consent.RoleHelp), s.harbour.Hire(t, "Nora", consent.RoleHelp)
	s.paul, s.quentin = s.line.Hire(t, "Paul", consent.RoleHelp), s.line.Hire(t, "Quentin", consent.RoleHelp)
	s.amina = s.Person(t)
	s.v = s.amina.SignIn(t, s.Stage.Stage)
	_, err := s.Stage.Follow(t.Context(), s.v, consent.Follow{Relay: s.harbour.ID, Scope: vault.ScopeAdd, Notice: vault.Notice{Version: "1", Language: "en", Text: "x"}, Agreed: true, Name: "Amina"}, vault.Secret{Password: s.amina.Password})
	require.NoError(t, err)
	_, err = s.v.Give(t.Context(), vault.NewGrant{Holder: s.line.ID, Scope: vault.ScopeHelp}, vault.Secret{Password: s.amina.Password})
	require.NoError(t, err)
	s.Service, err = New(Config{Vaults: s.Vaults, Consent: s.Stage.Service, Directory: s.Directory, Register: s.Register, Store: s.Store, Witness: s.Witness, Now: s.Clock.Now, Independent: true})
	require.NoError(t, err)
	return s
}

func (s *scene) enrol(t *testing.T, kind vault.PathKind, private bool) (vault.PathID, Completion) {
	n := vault.NewPath{Kind: kind, ID: vault.NewPathID(), Private: private}
	c := Completion{Password: "nouveau mot de passe", Session: &vault.SessionRequest{Device: "phone"}}
	var p params
	var err error
	switch kind {
	case vault.PathSheetRelay, vault.PathSheetDesk:
		p = newParams(formSheet, 0)
		sheet, err := newSheet("")
		require.NoError(t, err)
		c.Sheet = sheet.Code
		n.Own, err = s.sheetPart(t.Context(), p, sheet)
		require.NoError(t, err)
	case vault.PathHelpers:
		p = newParams(formNothing, 0)
		n.Waits = [2]time.Duration{7 * 24 * time.Hour, 30 * 24 * time.Hour}
		for class := range 2 {
			out, gen, err := s.v.EvaluateNew(t.Context(), n.ID, class, waitedInput(n.ID, class))
			require.NoError(t, err)
			n.Values[class] = out[:]
			p.Generations = append(p.Generations, gen)
			p.Waits = append(p.Waits, n.Waits[class].Milliseconds())
		}
	default:
		p = newParams(formAnswers, 3)
		c.Answers = []string{"Bleu ciel", "éléphant", "Rue des Lilas"}
		if kind == vault.PathAnswersDesk {
			n.Waits[0], n.Waits[1] = 24*time.Hour, 24*time.Hour
			p.Waits = []int64{n.Waits[0].Milliseconds()}
		}
		input, err := s.answersInput(t.Context(), p, c.Answers)
		require.NoError(t, err)
		out, gen, err := s.v.EvaluateNew(t.Context(), n.ID, 0, input)
		require.NoError(t, err)
		p.Generations = []uint64{gen}
		n.Own = out[:]
	}
	n.Params, err = seal.Marshal(p)
	require.NoError(t, err)
	require.NoError(t, s.v.ChangePaths(t.Context(), vault.PathChange{Enrol: []vault.NewPath{n}}, vault.Secret{Password: s.amina.Password}))
	return n.ID, c
}

func TestCoreEveryKind(t *testing.T) {
	for _, kind := range vault.PathKinds() {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			path, c := s.enrol(t, kind, true)
			_, err := s.v.AddNote(t.Context(), "secret", vault.Note{Text: "x"}, vault.Place{})
			require.NoError(t, err)
			samir, nora := s.samir.At(t, s.harbour), s.nora.At(t, s.harbour)
			paul, quentin := s.paul.At(t, s.line), s.quentin.At(t, s.line)
			first := samir
			if !kind.Relay() {
				first = paul
				id, err := s.Find(t.Context(), paul, s.amina.Login)
				require.NoError(t, err)
				require.Equal(t, s.v.ID(), id)
			}
			ways, err := s.Ways(t.Context(), first, s.v.ID())
			require.NoError(t, err)
			require.Len(t, ways, 1)
			n := NewRequest{Vault: s.v.ID(), Path: path, Recognised: "known for years"}
			if kind == vault.PathHelpers {
				n.Ask = []consent.RelayID{s.line.ID}
			}
			o, err := s.Open(t.Context(), first, n)
			require.NoError(t, err)
			code := HandOverCode{Number: o.Number, Code: o.Code}
			if kind == vault.PathHelpers {
				_, err := s.Enter(t.Context(), code)
				require.ErrorIs(t, err, ErrNotReady)
				q, err := s.Queue(t.Context(), paul)
				require.NoError(t, err)
				require.Len(t, q, 1)
				g, err := s.Contribute(t.Context(), paul, s.v.ID(), o.Request.ID)
				require.NoError(t, err)
				code.Desk = g.Code
				_, err = s.Approve(t.Context(), quentin, s.v.ID(), o.Request.ID, "voice")
				require.NoError(t, err)
				r, err := s.Approve(t.Context(), nora, s.v.ID(), o.Request.ID, "seen")
				require.NoError(t, err)
				require.Equal(t, []Missing{MissingWait}, r.Missing)
			}
			if wait := o.Request.Wait; wait > 0 {
				_, err := s.Enter(t.Context(), code)
				require.ErrorIs(t, err, ErrNotReady)
				s.Clock.Advance(wait + time.Minute)
			}
			code2 := code
			code2.Code = "0000 0001"
			_, err = s.Enter(t.Context(), code2)
			require.ErrorIs(t, err, ErrCode)
			h, err := s.Enter(t.Context(), code)
			require.NoError(t, err)
			h, err = s.Resume(t.Context(), h.Token())
			require.NoError(t, err)
			done, err := h.Complete(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, kind != vault.PathHelpers, done.Private)
			if kind == vault.PathHelpers {
				p, err := s.Pending(t.Context(), done.Vault)
				require.NoError(t, err)
				require.NotNil(t, p)
				s.amina.Password = c.Password
				_, err = s.OpenPending(t.Context(), done.Vault, vault.Secret{Password: c.Password})
				require.ErrorIs(t, err, ErrNotReady)
				s.Clock.Advance(p.Wait + time.Minute)
				v := s.amina.SignIn(t, s.Stage.Stage)
				n, err := s.OpenPending(t.Context(), v, vault.Secret{Password: c.Password})
				require.NoError(t, err)
				require.Positive(t, n)
			}
			_, err = h.Complete(t.Context(), c)
			require.ErrorIs(t, err, ErrRequest)
			own, err := s.Own(t.Context(), done.Vault)
			if err == nil {
				require.Len(t, own, 1)
				require.Equal(t, StateDone, own[0].State)
			}
		})
	}
}
