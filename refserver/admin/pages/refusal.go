package pages

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"reconnect.example/consent"
	"reconnect.example/quota"
	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/problem"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// refusal is what went wrong, in the language of the page. What there are no words for
// keeps its reason in English, as a command would print it.
type refusal struct {
	Says, Raw string
}

// errSilent: the server was reached, and then did not answer.
var errSilent = errors.New("the running server does not answer")

// said is the text of an error, as one of the private socket is.
func said(err error) string { return strings.TrimPrefix(err.Error(), "vault: ") }

// is reports whether err is a known one, also where only its text came over the socket.
func is(err, known error) bool {
	return errors.Is(err, known) || strings.Contains(err.Error(), strings.TrimPrefix(known.Error(), "vault: "))
}

// tell says an error.
func (v *visit) tell(err error) *refusal {
	for _, known := range []struct {
		err  error
		says string
	}{
		{admin.ErrNotRunning, v.t("operator.not-running")},
		{errSilent, v.t("operator.away")},
		{admin.ErrNoAuthority, v.t("operator.no-centres")},
		{errNoCentre, v.t("operator.no-such")},
		{consent.ErrNotNamed, v.t("operator.no-such")},
		{consent.ErrNoDirectory, v.t("operator.no-directory-yet")},
		{consent.ErrOutdated, v.t("operator.outdated")},
		{vault.ErrUntrustedKey, v.t("operator.untrusted")},
		{quota.ErrNoIncrease, v.t("done.decided-already")},
		{quota.ErrDecided, v.t("done.decided-already")},
	} {
		if is(err, known.err) {
			return &refusal{Says: known.says}
		}
	}
	if altered.MatchString(err.Error()) {
		return &refusal{Says: v.t("operator.altered")}
	}
	for _, known := range []error{vault.ErrWitnessAway, vault.ErrStale, vault.ErrTampered, vault.ErrKeyService, storage.ErrUnavailable} {
		if is(err, known) {
			return &refusal{Says: problem.Of(known).Sentence(v.Language)}
		}
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return &refusal{Says: v.t("wrong.large", v.Size(tooLarge.Limit))}
	}
	return &refusal{Says: v.t("operator.refused"), Raw: said(err)}
}

// altered is how the library names a directory, or a part of one, that the authority did
// not sign so.
var altered = regexp.MustCompile(`\bdirectory\b.* was altered`)

// aboutField is how the library names a field that is wrong, and what is wrong with it.
var aboutField = regexp.MustCompile(`^(?:vault: )?(?:organisation\.|relay\.|licence\.|vault )?([a-z]+) (.*)$`)

// refuseFields puts what is wrong with a change beside the fields that it names. Where it
// names none that stands on the page, the whole is told above.
func (v *visit) refuseFields(fields []field, f *form, err error) {
	for line := range strings.Lines(err.Error()) {
		m := aboutField.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || !slices.ContainsFunc(fields, func(one field) bool { return one.Name == m[1] }) {
			f.Problem = v.tell(err)
			continue
		}
		f.refuse(m[1], v.fieldWords(m[2]))
	}
}

var longerThan = regexp.MustCompile(`longer than (\d+)`)

// fieldWords says what is wrong with a field.
func (v *visit) fieldWords(reason string) string {
	if most := longerThan.FindStringSubmatch(reason); most != nil {
		n, _ := strconv.Atoi(most[1]) // digits alone
		return v.t("wrong.long", n)
	}
	for _, known := range []struct{ part, says string }{
		{"over the cap", v.t("operator.over-cap", admin.Money(v.office.config.FeeCap, v.office.config.Currency))},
		{"is given twice", v.t("operator.taken")},
		{"is another relay's", v.t("operator.taken")},
		{"changes;", v.t("operator.key-stays")},
		{"before its beginning", v.t("wrong.expires")},
		{"is not a day", v.t("wrong.date")},
		{"is empty", v.t("wrong.empty")},
		{"character", v.t("wrong.characters")},
		{"not valid text", v.t("wrong.characters")},
	} {
		if strings.Contains(reason, known.part) {
			return known.says
		}
	}
	return v.t("wrong.field")
}
