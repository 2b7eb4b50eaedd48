package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
	"reconnect.example/refserver/session"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// town is the API over a service with relays, whose clock stands still until it is
// told to move. Workers have a second factor, as in life.
type town struct {
	*server
	stage *consenttest.Stage
}

type townOptions struct {
	records storage.Driver // nil: in memory
	limits  session.LimitsConfig

	recovery func(*recovery.Config) // how people are helped back in; nil: they are not

	messenger vault.Messenger // nil: nobody is reminded
}

func newTown(t *testing.T, o *townOptions) *town {
	t.Helper()
	if o == nil {
		o = &townOptions{}
	}
	if o.limits.StaffPerMinute == 0 {
		o.limits.StaffPerMinute = 100_000
	}
	if o.limits.SignInsPerMinute == 0 {
		o.limits.SignInsPerMinute = 100_000
	}
	stage := consenttest.New(t, &consenttest.Options{Vault: vaulttest.Options{Records: o.records, Messenger: o.messenger}, SecondFactor: true})
	var helps *recovery.Service
	if o.recovery != nil {
		helps = helping(t, stage, o.recovery)
	}
	return &town{server: over(t, stage, helps, serverOptions{limits: o.limits}), stage: stage}
}

// independently has a witness of another organisation, and everything else as it comes.
func independently(cfg *recovery.Config) { cfg.Independent = true }

// helping is what helps people back in, in one process over a stage.
func helping(t *testing.T, stage *consenttest.Stage, configure func(*recovery.Config)) *recovery.Service {
	t.Helper()
	cfg := recovery.Config{
		Vaults: stage.Stage.Vaults, Consent: stage.Service, Directory: stage.Directory, Register: stage.Register,
		Store: stage.Store, Witness: stage.Witness, Now: stage.Clock.Now,
	}
	configure(&cfg)
	s, err := recovery.New(cfg)
	require.NoError(t, err)
	return s
}

// over is the API of one process over a stage; helps is nil where nobody is helped
// back in.
func over(t *testing.T, stage *consenttest.Stage, helps *recovery.Service, o serverOptions) *server {
	t.Helper()
	s, err := serve(Config{Vaults: stage.Stage.Vaults, Staff: stage.Service, Directory: stage.Directory, Recovery: helps}, o)
	require.NoError(t, err)
	t.Cleanup(s.Server.Close)
	return s
}

// resident is somebody with a space, signed in, and what they know by heart.
type resident struct {
	*person
	password string
	id       string
}

func (tn *town) resident(t *testing.T) *resident {
	t.Helper()
	p := tn.stage.Person(t)
	in := ok[signedIn](tn.stranger(t).call("POST", "/sessions", map[string]any{"login": p.Login, "password": p.Password}), 201)
	return &resident{person: &person{t: t, s: tn.server, vault: p.Vault, login: p.Login, token: in.Token}, password: p.Password, id: in.ID}
}

func (r *resident) secret() map[string]any { return map[string]any{"password": r.password} }

// relay is a relay with somebody who manages it and somebody who helps there.
type relay struct {
	*consenttest.Relay
	id      string
	manager *person
	worker  *person
	helper  *consenttest.Staff // the worker
}

func (tn *town) relay(t *testing.T, name string) *relay {
	t.Helper()
	r := tn.stage.Relay(t, name)
	tn.licence(t, r.ID, "2026-01-01", "2026-12-31")
	return tn.peopled(t, r)
}

// peopled hires somebody who helps there, and signs both in.
func (tn *town) peopled(t *testing.T, r *consenttest.Relay) *relay {
	t.Helper()
	helper := r.Hire(t, "Samir of "+r.Name, consent.RoleHelp)
	return &relay{Relay: r, id: r.ID.String(), manager: tn.staff(t, r.Manager), worker: tn.staff(t, helper), helper: helper}
}

func (tn *town) licence(t *testing.T, id consent.RelayID, from, to vault.Date) {
	t.Helper()
	tn.stage.Sign(t, consent.Change{Licence: &consent.Licence{Relay: id, Number: "L-1", From: from, To: to, Currency: "EUR"}})
}

// staff signs a worker in.
func (tn *town) staff(t *testing.T, w *consenttest.Staff) *person {
	t.Helper()
	in := ok[signedIn](tn.stranger(t).call("POST", "/staff/sessions", map[string]any{
		"login": w.Login, "password": w.Password, "code": w.Code(), "device": "accueil",
	}), 201)
	require.Equal(t, w.ID().String(), in.ID)
	return &person{t: t, s: tn.server, login: w.Login, token: in.Token}
}

func read(text string) map[string]any {
	return map[string]any{"version": "2026-1", "language": "fr", "text": text}
}

var housing = map[string]any{"code": "housing", "text": "demande de logement"}

type agreed struct {
	Receipt   consent.Receipt
	Confirmed bool
}

// follow lets a relay follow, to see and add.
func (r *resident) follow(at *relay) agreed {
	r.t.Helper()
	a := ok[agreed](r.call("POST", "/followers", map[string]any{
		"relay": at.id, "scope": "see-and-add", "name": "Amina K.", "secret": r.secret(),
		"notice": read("Ce centre pourra voir ce que vous partagez."), "agreed": true,
	}), 201)
	require.True(r.t, a.Confirmed)
	return a
}

// opens opens somebody's space for a purpose.
func (at *relay) opens(vault string) *reply {
	at.worker.t.Helper()
	return at.worker.call("PUT", "/staff/opened", map[string]any{"relay": at.id, "vault": vault, "purpose": housing})
}

func (r *resident) followers() []Follower {
	r.t.Helper()
	return ok[struct{ Followers []Follower }](r.call("GET", "/followers", nil), 200).Followers
}

func names(items []Item) (out []string) {
	for _, i := range items {
		out = append(out, i.Name)
	}
	return out
}

// documents are the names of the papers that somebody can list.
func (p *person) documents() []string {
	p.t.Helper()
	return names(ok[listed](p.call("GET", "/items?kind=document", nil), 200).Items)
}

func (p *person) content(id string) *reply {
	p.t.Helper()
	return p.call("GET", "/documents/"+id+"/content", nil)
}

func (p *person) shares(name string) Item {
	p.t.Helper()
	return ok[Item](p.upload(name, []byte("this is "+name), headerCompartment, "shared"), http.StatusCreated)
}

func (tn *town) passes(d time.Duration) { tn.stage.Clock.Advance(d) }
