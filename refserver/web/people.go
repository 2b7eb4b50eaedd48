package web

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// peopleAtOnce is how many people stand on one page: more is too long on a phone.
const peopleAtOnce = 50

// peopleView is whom a relay follows.
type peopleView struct {
	Form    *form // of who looks for a name
	Relay   relayView
	Manages bool
	Helps   bool
	Many    bool // more than one page: a name can be looked for
	Sought  bool // a name was looked for, and People are who has it
	More    bool // and more have it than are shown
	People  []personRow
	Page    int
	Pages   int
	Before  string // addresses of the pages beside this one; "": there is none
	Next    string
	Drafts  []consent.Draft
	Licence licenceView
}

type personRow struct {
	consent.Person
	Allowed string
}

func (p *pages) people(v *visit) error { return v.showPeople(newForm()) }

// findPerson looks for a name among whom the relay follows. It comes in a form and not in
// the address: addresses are kept, by browsers and in logs, and names are not for that.
func (p *pages) findPerson(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	v.required(f, "sought")
	return v.showPeople(f)
}

func (v *visit) showPeople(f *form) error {
	return v.managing(func(post *consent.Post) error {
		if post.Relay().Type == consent.TypeDesk && v.pages.Recovery != nil {
			return v.deskHome(post, newForm())
		}
		view := peopleView{Form: f, Relay: v.relay(post.Relay()), Manages: post.Roles().Has(consent.RoleManage), Helps: post.Roles().Has(consent.RoleHelp)}
		all, err := v.roster(post, &view)
		if err != nil {
			return err
		}
		if view.Licence, err = v.licence(post.Relay().ID); err != nil {
			return err
		}
		view.Many = len(all) > peopleAtOnce
		if f.Get("sought") != "" {
			all = named(all, f.Get("sought"))
			view.Sought, view.More = true, len(all) > peopleAtOnce
			view.People = all[:min(len(all), peopleAtOnce)]
			return v.show("people", view)
		}
		view.turnTo(all, v.r.URL.Query().Get("page"), v.r.URL.Path)
		if f.wrong() {
			return v.again("people", f, nil, view)
		}
		return v.show("people", view)
	})
}

// roster fills in whose account is being opened, and returns whom the relay follows, by
// name. Who only manages sees nobody's.
func (v *visit) roster(post *consent.Post, view *peopleView) (rows []personRow, err error) {
	all, err := post.Roster(v.ctx())
	if errors.Is(err, vault.ErrTampered) {
		v.damaged, err = true, nil
	}
	if err != nil {
		return nil, err
	}
	view.Drafts = all.Drafts
	for i := range view.Drafts {
		view.Drafts[i].Name = safename.Line(view.Drafts[i].Name)
	}
	for _, one := range all.People {
		one.Name = safename.Line(one.Name)
		rows = append(rows, personRow{one, v.workerScopeWords(one.Scope)})
	}
	slices.SortStableFunc(rows, func(a, b personRow) int { return strings.Compare(bare(a.Name), bare(b.Name)) })
	return rows, nil
}

// turnTo shows one page of all. A page that is not there is the first or the last.
func (view *peopleView) turnTo(all []personRow, page, path string) {
	view.Pages = max(1, (len(all)+peopleAtOnce-1)/peopleAtOnce)
	wanted, err := strconv.Atoi(page)
	if err != nil {
		wanted = 1
	}
	view.Page = min(max(1, wanted), view.Pages)
	view.People = all[(view.Page-1)*peopleAtOnce : min(len(all), view.Page*peopleAtOnce)]
	if view.Page > 1 {
		view.Before = path + "?page=" + strconv.Itoa(view.Page-1)
	}
	if view.Page < view.Pages {
		view.Next = path + "?page=" + strconv.Itoa(view.Page+1)
	}
}

// named are those in whose name each word stands that was written, in any order and
// however it is spelled: with or without accents and capitals.
func named(all []personRow, sought string) (found []personRow) {
	parts := strings.Fields(bare(sought))
	for _, one := range all {
		name := bare(one.Name)
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(name, part) }) {
			found = append(found, one)
		}
	}
	return found
}

// bare is a text without accents, vowel marks and capitals.
func bare(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(text))
}
