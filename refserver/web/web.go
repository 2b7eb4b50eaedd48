// Package web holds the pages of the reference server: rendered on the server,
// working without JavaScript, and asking no other site for anything. A handler
// finds out who asks, calls one function of the library, and renders.
//
// Pages say "espace" or "space": the legal name of a digital safe is reserved.
// They promise that what is private cannot be read while the person is away,
// and not more: while somebody is signed in, the server sees what they see, and whom
// a person let in sees what is shared.
package web

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	words "reconnect.example/refserver/language"
	"reconnect.example/refserver/moving"
	"reconnect.example/refserver/preview"
	"reconnect.example/refserver/printing"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// channel is what Origin says of everything that comes through the pages.
const channel = "web"

// Config is what the pages need. Vaults is required.
type Config struct {
	Vaults    *vault.Vaults
	Staff     *consent.Service   // nil: there are no relays
	Directory *consent.Directory // of relays; given where Staff is
	Recovery  *recovery.Service  // helps people back in, where Staff is; nil: not offered
	Limits    *session.Limits    // nil: the defaults
	Address   string             // under which people reach these pages, for what is printed; "": not known
	Zone      *time.Location     // in which times are shown and appointments entered; nil: UTC
	Printer   *printing.Printer  // makes one PDF of chosen papers; nil: they are opened one by one
	Languages []string           // codes of those that are offered, the first to whom asks for none; nil: all that were reviewed
	Moving    *moving.Way        // how people move to and from other servers; nil: not offered
	Previews  *preview.Maker     // makes small pictures of papers; nil: none are made
	MostSpace int64              // bytes beyond which nobody is given more; 0: not known
	Logger    hclog.Logger       // nil: nothing is logged
	Failed    func(code string)  // is told the stable name of each problem of this side that is logged; nil: nobody counts
	Now       func() time.Time   // nil: time.Now
}

// pages serves all pages.
type pages struct {
	Config
	mux       *http.ServeMux
	assets    assets                        // what is the same for everybody, by name
	templates map[string]*template.Template // by language
	languages map[string]*language          // that are offered, by code
	chooser   *words.Chooser
	clicks    *once
	receipts  *once
	published publishedLists
	without   without
}

// New returns a handler for every path that is not the API's.
func New(c Config) (http.Handler, error) {
	if c.Vaults == nil {
		return nil, errors.New("web: Config.Vaults is missing")
	}
	if (c.Staff == nil) != (c.Directory == nil) {
		return nil, errors.New("web: Config.Staff and Config.Directory go together")
	}
	if c.Recovery != nil && c.Staff == nil {
		return nil, errors.New("web: Config.Recovery needs Config.Staff")
	}
	if c.Limits == nil {
		c.Limits = session.NewLimits(session.LimitsConfig{Now: c.Now})
	}
	if c.Languages == nil {
		c.Languages = words.Offered()
	}
	for _, code := range c.Languages {
		if !slices.Contains(words.Codes(), code) {
			return nil, fmt.Errorf("web: Config.Languages: there is no language %q", code)
		}
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Failed == nil {
		c.Failed = func(string) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	p := &pages{Config: c, clicks: newOnce(c.Now), receipts: newOnce(c.Now)}
	if err := p.load(); err != nil {
		return nil, err
	}
	p.mux = p.routes()
	return p.protect(p.mux), nil
}

func (p *pages) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /static/", p.static)
	for pattern, h := range map[string]handler{
		"/":                  p.nothingHere,
		"GET /sign-in":       p.signInForm,
		"POST /sign-in":      p.signIn,
		"POST /leave":        p.leave,
		"GET /sign-in/card":  p.cardSignInForm,
		"POST /sign-in/card": p.cardSignIn,
		"GET /idle":          p.idle,
		"GET /idle/over":     p.idleOver,
		"GET /news":          p.news,
		"GET /language":      p.languageForm,
		"POST /language":     p.chooseLanguage,
		"GET /privacy":       p.privacy,
		"GET /robots.txt":    p.robots,
		"GET /favicon.ico":   p.noIcon,
	} {
		mux.Handle(pattern, p.anybody(h))
	}
	for pattern, h := range map[string]handler{
		"GET /{$}":                     p.home,
		"GET /papers":                  p.papers,
		"GET /papers/add":              p.addPaperForm,
		"POST /papers/add":             p.addPaper,
		"POST /papers/begin":           p.beginPaper,
		"GET /papers/{id}":             p.paper,
		"GET /papers/{id}/file":        p.download,
		"GET /papers/{id}/show":        p.showPaper,
		"GET /papers/{id}/preview":     p.preview,
		"GET /papers/{id}/small":       p.smallPicture,
		"POST /papers/small":           p.smallPictures,
		"GET /papers/{id}/edit":        p.editPaperForm,
		"POST /papers/{id}/edit":       p.editPaper,
		"GET /folders/add":             p.addFolderForm,
		"POST /folders/add":            p.addFolder,
		"GET /folders/{id}":            p.folder,
		"GET /folders/{id}/edit":       p.editFolderForm,
		"POST /folders/{id}/edit":      p.editFolder,
		"POST /folders/{id}/remove":    p.removeFolder,
		"GET /contacts":                p.contacts,
		"GET /contacts/add":            p.addContactForm,
		"POST /contacts/add":           p.addContact,
		"GET /contacts/{id}":           p.contact,
		"GET /contacts/{id}/edit":      p.editContactForm,
		"POST /contacts/{id}/edit":     p.editContact,
		"GET /appointments":            p.appointments,
		"GET /appointments/add":        p.addAppointmentForm,
		"POST /appointments/add":       p.addAppointment,
		"GET /appointments/{id}":       p.appointment,
		"GET /appointments/{id}/edit":  p.editAppointmentForm,
		"POST /appointments/{id}/edit": p.editAppointment,
		"GET /notes":                   p.notes,
		"GET /notes/add":               p.addNoteForm,
		"POST /notes/add":              p.addNote,
		"GET /notes/{id}":              p.note,
		"GET /notes/{id}/edit":         p.editNoteForm,
		"POST /notes/{id}/edit":        p.editNote,
		"GET /items/{id}/visibility":   p.visibilityForm,
		"POST /items/{id}/visibility":  p.changeVisibility,
		"POST /items/{id}/bin":         p.binItem,
		"POST /items/{id}/restore":     p.restoreItem,
		"GET /items/{id}/destroy":      p.destroyForm,
		"POST /items/{id}/destroy":     p.again(p.destroyItem),
		"GET /bin":                     p.bin,
		"GET /print":                   p.printForm,
		"POST /print":                  p.print,
		"GET /print/papers":            p.printPapers,
		"GET /print/appointments":      p.printAppointments,
		"GET /print/contacts":          p.printContacts,
	} {
		mux.Handle(pattern, p.shared(h))
	}
	for pattern, h := range map[string]handler{
		"GET /things":                         p.group("group-things"),
		"GET /keys":                           p.group("group-keys"),
		"GET /choices":                        p.group("group-choices"),
		"GET /leaving":                        p.group("group-leaving"),
		"GET /space":                          p.space,
		"POST /space":                         p.askForSpace,
		"GET /journal":                        p.journal,
		"GET /card":                           p.card,
		"POST /card":                          p.makeCard,
		"POST /card/revoke":                   p.again(p.revokeCard),
		"POST /still-here":                    p.stillHere,
		"POST /shared-device":                 p.setSharedDevice,
		"GET /wishes":                         p.wishes,
		"POST /wishes":                        p.again(p.setWish),
		"GET /reminders":                      p.reminders,
		"POST /reminders":                     p.askReminders,
		"POST /reminders/code":                p.confirmReminders,
		"POST /reminders/stop":                p.stopReminders,
		"POST /reminders/choices":             p.setReminders,
		"GET /rules":                          p.rules,
		"POST /rules":                         p.setRules,
		"GET /items/{id}/seen":                p.seen,
		"GET /take":                           p.takeForm,
		"POST /take":                          p.again(p.take),
		"GET /bring":                          p.bringForm,
		"POST /bring":                         p.bring,
		"POST /bring/begin":                   p.beginBrought,
		"GET /bring/came":                     p.bringForm, // who loads it again, or chooses another language
		"POST /bring/came":                    p.came,
		"GET /bring/{id}":                     p.brought,
		"POST /bring/{id}":                    p.unseal,
		"POST /bring/{id}/in":                 p.takeBrought,
		"POST /bring/{id}/drop":               p.dropBrought,
		"POST /reopen":                        p.reopen,
		"POST /restored":                      p.confirmRestored,
		"POST /alive":                         p.alive,
		"POST /wishes/representatives":        p.addRepresentative,
		"POST /wishes/representatives/remove": p.removeRepresentative,
		"GET /close":                          p.closeForm,
	} {
		mux.Handle(pattern, p.person(h))
	}
	for pattern, h := range map[string]handler{
		"GET /sessions":           p.sessions,
		"POST /sessions/{id}/end": p.endSession,
		"POST /sessions/end":      p.endOtherSessions,
		"GET /password":           p.passwordForm,
		"POST /password":          p.changePassword,
	} {
		mux.Handle(pattern, p.own(h))
	}
	p.linkRoutes(mux)
	if p.Moving != nil {
		p.moveRoutes(mux)
	}
	if p.Staff != nil {
		p.relayRoutes(mux)
		p.depositRoutes(mux)
		p.attestRoutes(mux)
		p.askRoutes(mux)
	}
	if p.Recovery != nil {
		p.recoveryRoutes(mux)
	}
	// Not behind person: a repeated click comes when the session is gone already.
	mux.Handle("POST /close", p.anybody(p.closeAccount))
	return mux
}
