package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
)

// helped is a town where people are helped back in: a relay that follows Amina, with
// two who work there, and a desk of another organisation that she lets help, with two
// agents.
type helped struct {
	*town
	harbour, line *house
	amina         *resident
}

// house is a relay or a desk with two people.
type house struct {
	*relay
	tn     *town
	staff  [2]*consenttest.Staff
	person [2]*person // the same, signed in
}

func newHelped(t *testing.T) *helped {
	t.Helper()
	return newHelpedWith(t, independently)
}

func newHelpedWith(t *testing.T, configure func(*recovery.Config)) *helped {
	t.Helper()
	return helpedOver(t, &townOptions{recovery: configure})
}

func helpedOver(t *testing.T, o *townOptions) *helped {
	t.Helper()
	tn := newTown(t, o)
	others, err := tn.stage.NewOrganisation(t.Context(), "Les Autres")
	require.NoError(t, err)
	h := &helped{
		town: tn, harbour: tn.house(t, tn.stage.Relay(t, "Harbour")), line: tn.house(t, tn.stage.Desk(t, "Line", others)),
		amina: tn.resident(t),
	}
	h.amina.follow(h.harbour.relay)
	return h
}

func (tn *town) house(t *testing.T, r *consenttest.Relay) *house {
	t.Helper()
	at := &house{relay: tn.peopled(t, r), tn: tn}
	at.staff = [2]*consenttest.Staff{at.helper, at.Hire(t, "Nora of "+r.Name, consent.RoleHelp)}
	at.signIn(t)
	return at
}

// signIn signs both in anew: no session of theirs outlives a long wait.
func (at *house) signIn(t *testing.T) {
	t.Helper()
	for i, s := range at.staff {
		at.person[i] = at.tn.staff(t, s)
	}
}

// at is an address at this relay or desk.
func (at *house) at(path string) string { return "/staff/relays/" + at.id + path }

func (at *house) about(vault string) string { return at.at("/people/" + vault + "/recovery") }

// prepares makes ways back in. The clock is not looked at.
func (r *resident) prepares(what map[string]any) *reply {
	r.t.Helper()
	body := map[string]any{"secret": r.secret(), "notice": read("Comment revenir."), "agreed": true}
	for k, v := range what {
		body[k] = v
	}
	return r.call("POST", "/recovery", body)
}

var answers = map[string]any{"private": false, "questions": []map[string]any{
	{"text": "Le nom de ma première chèvre", "answer": "Étoile filante 1974"},
	{"text": "La chanson que ma tante chantait", "answer": "La rivière aux grenouilles"},
	{"text": "Ce que je voulais devenir", "answer": "Capitaine d’un bateau-feu"},
}}

// forgiven are those answers, as somebody else would write them: with other capitals,
// accents and spaces, and with the digits of another script.
var forgiven = []string{" etoile FILANTE ١٩٧٤", "La  riviere aux Grenouilles.", "capitaine d'un bateau feu"}

type made struct {
	Sheet     *RecoverySheet
	Made      []string
	Strength  *Strength
	Confirmed bool
}

type opened struct {
	Request      RecoveryRequest
	Number, Code string
}

// way is how somebody at this relay or desk can help, by a kind.
func (at *house) way(t *testing.T, vault, kind string) string {
	t.Helper()
	for _, w := range ok[struct{ Ways []WayBack }](at.person[0].call("GET", at.about(vault), nil), http.StatusOK).Ways {
		if w.Kind == kind {
			return w.Path
		}
	}
	t.Fatalf("no way back by %s", kind)
	return ""
}

func (at *house) asks(vault, path string, others ...string) *reply {
	body := map[string]any{"path": path, "recognised": "known for years"}
	if len(others) > 0 {
		body["ask"] = others
	}
	return at.person[0].call("POST", at.about(vault)+"/requests", body)
}

// opensFor opens a request by a kind of way.
func (at *house) opensFor(t *testing.T, vault, kind string, others ...string) opened {
	t.Helper()
	return ok[opened](at.asks(vault, at.way(t, vault, kind), others...), http.StatusCreated)
}

// enters is the person alone, on a device where nobody is signed in.
func (tn *town) enters(t *testing.T, o opened) *reply {
	t.Helper()
	return tn.stranger(t).call("POST", "/hand-over", map[string]any{"number": o.Number, "code": o.Code})
}

type entered struct {
	HandOver
	Token string
}

type back struct {
	Token, ID, Login   string
	Private, Confirmed bool
	Locked             int
}

const newPassword = "sept canards dans la brume"

// completes is the person alone with the token of a hand-over.
func (tn *town) completes(t *testing.T, token string, with map[string]any) *reply {
	t.Helper()
	body := map[string]any{"password": newPassword, "device": "tablette du relais"}
	for k, v := range with {
		body[k] = v
	}
	return tn.stranger(t).as(token).call("POST", "/hand-over/complete", body)
}

func (tn *town) signsIn(t *testing.T, login, password string) *reply {
	t.Helper()
	return tn.stranger(t).call("POST", "/sessions", map[string]any{"login": login, "password": password})
}

func (p *person) locked() int {
	p.t.Helper()
	return ok[struct{ Locked int }](p.call("GET", "/overview", nil), http.StatusOK).Locked
}

const day = 24 * time.Hour

// requireNotReady holds that exactly this is missing.
func requireNotReady(t *testing.T, r *reply, missing ...string) {
	t.Helper()
	p := r.refused(http.StatusConflict, "not-ready")
	require.Equal(t, missing, p.Missing)
}
