package pages

import (
	"context"
	"errors"
	"net/http"
	"net/rpc"
	"net/url"
	"time"

	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/headers"
	words "reconnect.example/refserver/language"
)

// policy lets a page load from this server alone, and run no script at all.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// visit is one request.
type visit struct {
	*words.Language
	office *office
	w      http.ResponseWriter
	r      *http.Request
	inside bool // it comes from the operator
}

type handler func(*visit) error

// ServeHTTP refuses what does not come from a page of this server, before anything else.
func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	headers.Protect(w, r, policy)
	// Another name that leads to this machine is one of a stranger: DNS rebinding.
	if r.Host != o.gate.host {
		http.Error(w, "not here", http.StatusMisdirectedRequest)
		return
	}
	// What another site, or another port of this machine, sends in the operator's name.
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		http.Error(w, "not from here", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, largestBody)
	o.mux.ServeHTTP(w, r)
}

// largestBody bounds what is sent: the largest is a signed directory.
const largestBody = 16 << 20

// operator serves only who opened the link.
func (o *office) operator(h handler) http.Handler {
	return o.anybody(func(v *visit) error {
		if v.inside = o.gate.knows(v.r); !v.inside {
			return v.showWith(http.StatusUnauthorized, "closed", nil)
		}
		return h(v)
	})
}

func (o *office) anybody(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{Language: o.languageOf(r), office: o, w: w, r: r}
		if err := h(v); err != nil {
			v.refuse(err)
		}
	})
}

// refuse answers with what went wrong.
func (v *visit) refuse(err error) {
	status := http.StatusBadGateway
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
	} else if errors.Is(err, errNoCentre) {
		status = http.StatusNotFound
	}
	if v.showWith(status, "problem", v.tell(err)) != nil {
		http.Error(v.w, "the page cannot be shown", http.StatusInternalServerError)
	}
}

// enter takes the link for a cookie, and leaves the address of the link at once.
func (v *visit) enter() error {
	if !v.office.gate.enter(v.w, v.r.PathValue("token")) {
		return v.showWith(http.StatusForbidden, "closed", nil)
	}
	v.office.tell("The link was opened at " + v.office.now().In(v.office.zone).Format(time.TimeOnly) + ". If that was not you, stop at once with Ctrl-C.")
	return v.goTo("/", "")
}

func (v *visit) nothingHere() error {
	if !v.office.gate.knows(v.r) { // who is outside learns no address
		return v.showWith(http.StatusUnauthorized, "closed", nil)
	}
	v.inside = true
	return v.showWith(http.StatusNotFound, "problem", &refusal{Says: v.t("operator.nothing-here")})
}

// closePages ends the session, and the program.
func (v *visit) closePages() error {
	v.office.gate.close()
	v.inside = false
	err := v.showWith(http.StatusOK, "closed", nil)
	v.office.end.Do(func() { close(v.office.ended) })
	return err
}

// goTo sends the browser to another page, which says what was done.
func (v *visit) goTo(path, done string) error {
	if done != "" {
		path += "?" + url.Values{"done": {done}}.Encode()
	}
	v.w.Header().Set("Location", path)
	v.w.WriteHeader(http.StatusSeeOther)
	return nil
}

func (v *visit) t(key string, args ...any) string { return v.T(key, args...) }

func (v *visit) n(key string, count int) string { return v.N(key, count) }

// longest is how long the running server may take for one thing.
const longest = 30 * time.Second

// call asks the running server. Each time anew: it may have been started again meanwhile.
func (v *visit) call(method string, args, answer any) error {
	ctx, cancel := context.WithTimeout(v.r.Context(), longest)
	defer cancel()
	client, done, err := admin.Reach(ctx, v.office.config.Data, admin.OnlyRunning)
	if err != nil {
		return err
	}
	defer func() { _ = done() }()
	called := client.Go(method, args, answer, make(chan *rpc.Call, 1))
	select {
	case <-called.Done:
		return called.Error
	case <-ctx.Done():
		return errSilent
	}
}

const languageCookie = "language"

// languageOf is the language that was chosen or, before that, that of the browser.
func (o *office) languageOf(r *http.Request) *words.Language {
	if cookie, err := r.Cookie(languageCookie); err == nil && o.pages[cookie.Value] != nil {
		return words.In(cookie.Value)
	}
	return words.In(o.chooser.Choose(r.Header.Get("Accept-Language")))
}

func (v *visit) languageForm() error {
	var offered []*words.Language
	for _, code := range words.Offered() {
		offered = append(offered, words.In(code))
	}
	return v.show("language", offered)
}

func (v *visit) chooseLanguage() error {
	if code := v.r.PostFormValue("language"); v.office.pages[code] != nil {
		http.SetCookie(v.w, &http.Cookie{Name: languageCookie, Value: code, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	}
	return v.goTo("/", "")
}
