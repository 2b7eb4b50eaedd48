package web

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// A way back in, as people think of it, is what they bring: a sheet, answers, or
// nothing. With each, a centre may help and a desk by phone: in the library those are
// paths of their own.
type family string

// The families, as addresses name them.
const (
	familySheet   family = "sheet"
	familyAnswers family = "answers"
	familyHelpers family = "helpers"
)

// kinds are the paths of a family: on site, then by phone.
func (f family) kinds() []vault.PathKind {
	switch f {
	case familySheet:
		return []vault.PathKind{vault.PathSheetRelay, vault.PathSheetDesk}
	case familyAnswers:
		return []vault.PathKind{vault.PathAnswersRelay, vault.PathAnswersDesk}
	case familyHelpers:
		return []vault.PathKind{vault.PathHelpers}
	}
	return nil
}

// wayView is one family, with what there is of it.
type wayView struct {
	Family    family
	Title     string
	Means     string
	Paths     []pathView
	Questions []string
	Unprinted []vault.PathID // of a sheet that nobody said is on paper
	Make      []choice       // pages on which it is made, or made anew
	Why       string         // why it cannot be made
}

// pathView is one path, in words.
type pathView struct {
	How     string // with whose help
	Helpers []string
	Opens   string
	Wait    string
	State   string
	Bad     bool // it opens nothing now
}

// works reports whether somebody could come back by this path now.
func works(p recovery.PathReview) bool {
	return p.State == vault.PathIssued || p.State == vault.PathConfirmed
}

// waysView is the page of the ways back in.
type waysView struct {
	Ways  []wayView
	If    []ifView
	Lost  bool // the store altered what is kept of one
	Alone bool // nobody could help yet
}

// ifView is what would happen.
type ifView struct {
	Lost string   // what is lost
	Then []string // what the person could do; empty: nothing
}

func (p *pages) ways(v *visit) error {
	r, err := p.Recovery.Review(v.ctx(), v.vault)
	if err != nil {
		return err
	}
	view := waysView{Lost: r.Lost, Alone: len(r.Offered) == 0}
	for _, f := range []family{familySheet, familyAnswers, familyHelpers} {
		view.Ways = append(view.Ways, v.way(f, r))
	}
	if view.If, err = v.whatIf(r); err != nil {
		return err
	}
	return v.show("ways", view)
}

func (v *visit) way(f family, r recovery.Review) wayView {
	view := wayView{Family: f, Title: v.familyTitle(f)}
	for _, p := range r.Paths {
		if slices.Contains(f.kinds(), p.Kind) {
			view.Paths = append(view.Paths, v.pathView(p))
			if f == familySheet && p.State == vault.PathIssued {
				view.Unprinted = append(view.Unprinted, p.ID)
			}
			view.Questions = each(p.Questions)
		}
	}
	offered := slices.ContainsFunc(f.kinds(), func(k vault.PathKind) bool { return slices.Contains(r.Offered, k) })
	switch {
	case f == familySheet:
		view.Means = v.t("ways.sheet-means")
	case f == familyAnswers:
		view.Means = v.t("ways.answers-means")
	default:
		view.Means = v.t("ways.helpers-means")
	}
	switch {
	case !offered && f == familyHelpers:
		view.Why = v.t("ways.helpers-not")
	case !offered:
		view.Why = v.t("ways.not-offered")
	case f == familySheet:
		view.Make = []choice{{"/ways/sheet", v.t("ways.make-sheet")}}
	case f == familyAnswers:
		view.Make = []choice{{"/ways/questions", v.t("ways.make-questions")}, {"/ways/pictures", v.t("ways.make-pictures")}}
	default:
		view.Make = []choice{{"/ways/helpers", v.t("ways.make-helpers")}}
	}
	return view
}

func (v *visit) familyTitle(f family) string {
	switch f {
	case familySheet:
		return v.t("ways.sheet")
	case familyAnswers:
		return v.t("ways.answers")
	case familyHelpers:
		return v.t("ways.helpers")
	}
	return ""
}

func (v *visit) pathView(p recovery.PathReview) pathView {
	view := pathView{How: v.howWords(p.Kind), Opens: v.opensWords(p.Path), Wait: v.t("ways.at-once"), Bad: !works(p)}
	for _, r := range p.Helpers {
		view.Helpers = append(view.Helpers, safename.Line(r.Name))
	}
	if p.Waits[0] > 0 {
		view.Wait = v.t("ways.after", v.lasting(p.Waits[0]))
	}
	switch p.State {
	case vault.PathDue:
		view.State = v.t("ways.due")
	case vault.PathUnusable:
		view.State = v.t("ways.unusable")
	}
	return view
}

// howWords says who helps by a path.
func (v *visit) howWords(k vault.PathKind) string {
	switch k {
	case vault.PathSheetRelay, vault.PathAnswersRelay:
		return v.t("ways.on-site")
	case vault.PathSheetDesk, vault.PathAnswersDesk:
		return v.t("ways.by-phone")
	}
	return v.t("ways.both")
}

// wayWords says a way in one line, for helpers and in the journal.
func (v *visit) wayWords(k vault.PathKind) string {
	switch k {
	case vault.PathSheetRelay:
		return v.t("way.sheet-relay")
	case vault.PathSheetDesk:
		return v.t("way.sheet-desk")
	case vault.PathAnswersRelay:
		return v.t("way.answers-relay")
	case vault.PathAnswersDesk:
		return v.t("way.answers-desk")
	case vault.PathHelpers:
		return v.t("way.helpers")
	}
	return v.t("way.gone")
}

// opensWords says what a path opens, and when Private.
func (v *visit) opensWords(p vault.Path) string {
	switch {
	case !p.Private:
		return v.t("ways.opens-shared")
	case p.Waits[1] > p.Waits[0]:
		return v.t("ways.opens-later", v.lasting(p.Waits[1]))
	}
	return v.t("ways.opens-all")
}

// lasting says a wait in hours or days, rounded up.
func (l *language) lasting(d time.Duration) string {
	if d <= 48*time.Hour {
		return l.n("lasting.hours", int((d+time.Hour-1)/time.Hour))
	}
	return l.n("lasting.days", int((d+24*time.Hour-1)/(24*time.Hour)))
}

// whatIf says what would happen if something were lost.
func (v *visit) whatIf(r recovery.Review) ([]ifView, error) {
	state, err := v.vault.AccessCardState(v.ctx())
	if err != nil {
		return nil, err
	}
	byFamily := func(f family, sentence string) []string {
		for _, p := range r.Paths {
			if works(p) && slices.Contains(f.kinds(), p.Kind) {
				return []string{sentence}
			}
		}
		return nil
	}
	sheet := byFamily(familySheet, v.t("ways.if-sheet"))
	answers := byFamily(familyAnswers, v.t("ways.if-answers"))
	nothing := byFamily(familyHelpers, v.t("ways.if-helpers"))
	forgot := ifView{Lost: v.t("ways.if-password")}
	if state == vault.CardActive {
		forgot.Then = []string{v.t("ways.if-card")}
	}
	forgot.Then = append(forgot.Then, slices.Concat(sheet, answers, nothing)...)
	return []ifView{
		forgot,
		{Lost: v.t("ways.if-card-too"), Then: slices.Concat(sheet, answers, nothing)},
		{Lost: v.t("ways.if-all"), Then: slices.Concat(answers, nothing)},
	}, nil
}

// strengthWords says how hard answers are to guess.
func (v *visit) strengthWords(s recovery.Strength) string {
	if !s.Enough {
		return v.t("strength.weak", v.tries(s.Bits))
	}
	if s.Bits < goodStrength {
		return v.t("strength.enough", v.tries(s.Bits))
	}
	return v.t("strength.good", v.tries(s.Bits))
}

// goodStrength is what pages call good, in bits.
const goodStrength = 30

// tries is how many answers a stranger would have to try, to one digit.
func (v *visit) tries(bits float64) string {
	if bits >= 30 { // beyond that the number says nothing more
		return v.t("strength.billion")
	}
	n := math.Exp2(max(bits, 0))
	digit := math.Pow10(int(math.Log10(n)))
	text := strconv.Itoa(int(math.Floor(n/digit) * digit))
	var groups []string
	for len(text) > 3 {
		groups = append([]string{text[len(text)-3:]}, groups...)
		text = text[:len(text)-3]
	}
	return strings.Join(append([]string{text}, groups...), "\u00a0")
}

// withdrawView asks once more before a way is taken away.
type withdrawView struct {
	Form   *form
	Family family
	Title  string
}

func (v *visit) withdrawal(f *form) (withdrawView, error) {
	view := withdrawView{Form: f, Family: family(v.r.PathValue("family"))}
	if view.Title = v.familyTitle(view.Family); view.Title == "" {
		return view, vault.ErrNotFound
	}
	return view, nil
}

func (p *pages) withdrawForm(v *visit) error {
	view, err := v.withdrawal(newForm())
	if err != nil {
		return err
	}
	return v.show("way-withdraw", view)
}

// withdrawWay takes a way away, at once.
func (p *pages) withdrawWay(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view, err := v.withdrawal(f)
	if err != nil {
		return err
	}
	secret := v.shownSecret(f)
	if f.wrong() {
		return v.again("way-withdraw", f, nil, view)
	}
	r, err := p.Recovery.Review(v.ctx(), v.vault)
	if err != nil {
		return err
	}
	var kinds []vault.PathKind
	for _, path := range r.Paths {
		if slices.Contains(view.Family.kinds(), path.Kind) {
			kinds = append(kinds, path.Kind)
		}
	}
	if kinds != nil { // none: a second click
		err = p.Recovery.Withdraw(v.ctx(), v.vault, kinds, secret)
	}
	if err != nil && !isDone(err) {
		return v.again("way-withdraw", f, v.besideSecret(f, err), view)
	}
	return v.goTo("/ways", "way-withdrawn")
}

// desksFor are the desks that may help by phone already, and those that could.
func (v *visit) desksFor(r recovery.Review) (may *relayView, could []relayView, err error) {
	all, err := v.followers()
	if err != nil {
		return nil, nil, err
	}
	for _, f := range all {
		if f.InForce && f.Scope == vault.ScopeHelp {
			desk := relayView{Relay: consent.Relay{ID: f.Relay, Name: safename.Line(f.Name)}}
			return &desk, nil, nil
		}
	}
	for _, id := range r.Desks {
		relay, err := v.pages.Directory.Relay(v.ctx(), id)
		if err != nil {
			return nil, nil, err
		}
		could = append(could, v.relay(relay))
	}
	return nil, could, nil
}
