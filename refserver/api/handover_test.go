package api

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/refserver/session"
)

// withSheet gives Amina a sheet, and opens a request at the relay.
func (h *helped) withSheet(t *testing.T) (sheet map[string]any, o opened) {
	t.Helper()
	print := ok[made](h.amina.prepares(map[string]any{"sheet": map[string]any{"private": true}}), 201)
	return map[string]any{"sheet": print.Sheet.Code}, h.harbour.opensFor(t, h.amina.id, "sheet-relay")
}

// otherThan is a number or a code that is not this one.
func otherThan(digits string, i int) string {
	n, _ := strconv.Atoi(strings.ReplaceAll(digits, " ", ""))
	other := strconv.Itoa((n + i) % 100_000_000)
	return strings.Repeat("0", 8-len(other)) + other
}

// tries waits as long as it is told to, and returns the answer to a try that counted.
func (h *helped) tries(t *testing.T, number, code string) *reply {
	t.Helper()
	for {
		r := h.stranger(t).call("POST", "/hand-over", map[string]any{"number": number, "code": code})
		if r.Status != http.StatusTooManyRequests {
			return r
		}
		wait, err := strconv.Atoi(r.Header.Get("Retry-After"))
		require.NoError(t, err)
		h.passes(time.Duration(wait) * time.Second)
	}
}

// Making the code was the first of twenty times that it is evaluated.
func TestAfterEighteenWrongCodesTheRightOneStillOpens(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	sheet, o := h.withSheet(t)
	began := h.stage.Clock.Now()
	for i := 1; i <= 18; i++ {
		h.tries(t, o.Number, otherThan(o.Code, i)).refused(403, "hand-over-code")
	}
	require.Greater(t, h.stage.Clock.Now().Sub(began), time.Hour, "whoever tries waits longer and longer")
	in := ok[entered](h.tries(t, o.Number, o.Code), 201)
	ok[back](h.completes(t, in.Token, sheet), 201)
}

func TestAfterNineteenWrongCodesTheRightOneOpensNothingAndANewRequestDoes(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	sheet, o := h.withSheet(t)
	for i := 1; i <= 19; i++ {
		h.tries(t, o.Number, otherThan(o.Code, i)).refused(403, "hand-over-code")
	}
	h.tries(t, o.Number, o.Code).refused(403, "tries-spent")
	h.harbour.signIn(t)
	again := h.harbour.opensFor(t, h.amina.id, "sheet-relay")
	ok[back](h.completes(t, ok[entered](h.enters(t, again), 201).Token, sheet), 201)
}

// E8: who tries numbers learns from no answer which of them there are.
func TestAnUnknownNumberIsAnsweredLikeAWrongCode(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	_, o := h.withSheet(t)
	unknown := otherThan(o.Number, 1)
	for i := 1; i <= 50; i++ {
		wrong := map[string]any{"number": o.Number, "code": otherThan(o.Code, i)}
		code, number := h.stranger(t).call("POST", "/hand-over", wrong), map[string]any{"number": unknown, "code": otherThan(o.Code, i)}
		neither := h.stranger(t).call("POST", "/hand-over", number)
		require.Equal(t, code.Status, neither.Status, "try %d", i)
		require.Equal(t, string(code.Body), string(neither.Body))
		require.Equal(t, code.Header.Get("Retry-After"), neither.Header.Get("Retry-After"))
		if i%2 == 0 { // told to wait, and having waited
			h.passes(20 * time.Minute)
		}
	}
	h.stranger(t).call("POST", "/hand-over", map[string]any{"number": unknown, "code": o.Code}).refused(403, "tries-spent")
	for _, nonsense := range []string{"abcd", "1", "123456789", "１２３４ 567"} {
		h.stranger(t).call("POST", "/hand-over", map[string]any{"number": nonsense, "code": o.Code}).refused(403, "hand-over-code")
	}
	h.stranger(t).call("POST", "/hand-over", map[string]any{"number": "", "code": o.Code}).refused(422, "invalid")
}

func TestNumberAndCodeAreReadInEveryScript(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	_, o := h.withSheet(t)
	arabic := strings.NewReplacer("0", "٠", "1", "١", "2", "٢", "3", "٣", "4", "٤", "5", "٥", "6", "٦", "7", "٧", "8", "٨", "9", "٩")
	in := map[string]any{"number": arabic.Replace(o.Number), "code": strings.ReplaceAll(o.Code, " ", "-")}
	ok[entered](h.stranger(t).call("POST", "/hand-over", in), 201)
}

func TestOneAddressTriesNumbersNoFasterThanItSignsIn(t *testing.T) {
	t.Parallel()
	tn := newTown(t, &townOptions{recovery: independently, limits: session.LimitsConfig{SignInsPerMinute: 4}})
	try := func() *reply {
		return tn.stranger(t).call("POST", "/hand-over", map[string]any{"number": "1234 5678", "code": "1234 5678"})
	}
	try().refused(403, "hand-over-code")
	tn.stranger(t).as("no token").call("GET", "/hand-over", nil).refused(401, "hand-over-ended")
	require.NotEmpty(t, try().Header.Get("Retry-After"))
	try().refused(429, "back-off")
	tn.stranger(t).as("no token").call("GET", "/hand-over", nil).refused(429, "back-off")
	tn.completes(t, "no token", nil).refused(429, "back-off")
}

func TestTheTokenOfAHandOverOpensThatAloneAndForAnHour(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	sheet, o := h.withSheet(t)
	in := ok[entered](h.enters(t, o), 201)
	for _, token := range []string{"", "nonsense", in.Token[:20], in.Token[:len(in.Token)-4] + "AAAA", h.amina.token} {
		h.stranger(t).as(token).call("GET", "/hand-over", nil).refused(401, "hand-over-ended")
		h.completes(t, token, sheet).refused(401, "hand-over-ended")
	}
	for _, one := range []string{"GET /overview", "GET /items", "GET /sessions", "GET /recovery", "GET /staff/me"} {
		method, path, _ := strings.Cut(one, " ")
		h.stranger(t).as(in.Token).call(method, path, nil).refused(401, "session-ended")
	}
	// Not as a cookie either, which travels by itself.
	h.stranger(t).call("GET", "/hand-over", nil, "Cookie", session.CookieName+"="+in.Token).refused(401, "hand-over-ended")
	h.passes(time.Hour + time.Minute)
	h.stranger(t).as(in.Token).call("GET", "/hand-over", nil).refused(401, "hand-over-ended")
	ok[back](h.completes(t, ok[entered](h.enters(t, o), 201).Token, sheet), 201)
}

func TestAnotherProcessGoesOnWithTheHandOver(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	sheet, o := h.withSheet(t)
	in := ok[entered](h.enters(t, o), 201)
	other := h.stage.Another(t, nil)
	there := *h.town
	there.server = over(t, other, helping(t, other, independently), serverOptions{})
	require.Equal(t, in.HandOver, ok[HandOver](there.stranger(t).as(in.Token).call("GET", "/hand-over", nil), 200))
	done := ok[back](there.completes(t, in.Token, sheet), 201)
	ok[listed](h.amina.as(done.Token).call("GET", "/items", nil), 200)
	h.amina.call("GET", "/items", nil).refused(401, "session-ended")
}

func TestAnotherPersonsSheetOpensNothing(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	boris := h.resident(t)
	boris.follow(h.harbour.relay)
	his := ok[made](boris.prepares(map[string]any{"sheet": map[string]any{"private": true}}), 201)
	hers, o := h.withSheet(t)
	in := ok[entered](h.enters(t, o), 201)
	h.completes(t, in.Token, map[string]any{"sheet": his.Sheet.Code}).refused(403, "own-part")
	h.completes(t, in.Token, map[string]any{"answers": []string{"a", "b", "c"}}).refused(422, "invalid")
	h.completes(t, in.Token, nil).refused(422, "invalid")
	ok[signedIn](h.signsIn(t, boris.login, boris.password), 201)
	done := ok[back](h.completes(t, in.Token, hers), 201)
	require.Equal(t, h.amina.id, done.ID)
}

func TestAnExpiredRequestIsOver(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	sheet, o := h.withSheet(t)
	h.passes(14*day - time.Minute)
	in := ok[entered](h.enters(t, o), 201)
	h.passes(2 * time.Minute)
	h.completes(t, in.Token, sheet).refused(410, "recovery-over")
	h.enters(t, o).refused(410, "recovery-over")
	h.harbour.signIn(t)
	all := ok[struct{ Requests []RecoveryRequest }](h.harbour.person[0].call("GET", h.harbour.about(h.amina.id)+"/requests", nil), 200).Requests
	require.Len(t, all, 1)
	require.Equal(t, "over", all[0].State)
	h.harbour.person[0].call("POST", h.harbour.about(h.amina.id)+"/requests/"+o.Request.ID+"/contribute", nil).refused(410, "recovery-over")
}

func TestAWorkerWhoIsRemovedInTheMiddleHelpsNoMoreAndThePersonGoesOn(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	sheet, o := h.withSheet(t)
	in := ok[entered](h.enters(t, o), 201)
	samir, nora, about := h.harbour.person[0], h.harbour.person[1], h.harbour.about(h.amina.id)
	ok[struct{}](h.harbour.changes("POST", "/staff/relays/"+h.harbour.id+"/members/"+h.harbour.staff[0].ID().String()+"/remove", nil), 200)
	for _, path := range []string{"/requests/" + o.Request.ID + "/contribute", "/requests/" + o.Request.ID + "/cancel"} {
		require.Equal(t, 403, samir.call("POST", about+path, map[string]any{}).Status)
	}
	require.Equal(t, 403, samir.call("GET", about, nil).Status)
	require.Len(t, ok[struct{ Requests []RecoveryRequest }](nora.call("GET", about+"/requests", nil), 200).Requests, 1)
	ok[back](h.completes(t, in.Token, sheet), 201)
}

func TestWhoAnswersAtTheDeskAndWorksAtTheRelayCountsForOneSide(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	ok[made](h.amina.prepares(map[string]any{"helpers": map[string]any{"private": false}, "desk": h.line.id}), 201)
	h.harbour.Join(t, h.line.staff[0], consent.RoleHelp)
	o := h.harbour.opensFor(t, h.amina.id, "helpers", h.line.id)
	request, both := "/requests/"+o.Request.ID, h.line.person[0]
	recognised := map[string]any{"recognised": "both"}
	ok[struct{}](both.call("POST", h.line.about(h.amina.id)+request+"/contribute", nil), 200)
	both.call("POST", h.harbour.about(h.amina.id)+request+"/approve", recognised).refused(409, "agreed")
	all := ok[struct{ Requests []RecoveryRequest }](both.call("GET", h.harbour.about(h.amina.id)+"/requests", nil), 200).Requests
	require.Equal(t, []string{"relay-approval", "desk-approval", "wait"}, all[0].Missing)
}

func TestAnswersInTheirOwnScriptAreForgivenTheirSpellingAndNotTheirScript(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	arabic := map[string]any{"private": false, "questions": []map[string]any{
		{"text": "اسم أول معزة", "answer": "نَجْمَةُ الصُّبح ١٩٧٤"},
		{"text": "أغنية عمتي", "answer": "أُغْنِيَة الإوزّ الأبيض"},
		{"text": "ماذا كنت أريد أن أصبح", "answer": "قبطان على بحيرة بعيدة"},
	}}
	ok[made](h.amina.prepares(map[string]any{"answers": arabic}), 201)
	in := ok[entered](h.enters(t, h.harbour.opensFor(t, h.amina.id, "answers-relay")), 201)
	h.completes(t, in.Token, map[string]any{"answers": []string{"najmat as-subh 1974", "ughniyat al-iwazz", "qubtan ala buhayra"}}).refused(403, "own-part")
	done := ok[back](h.completes(t, in.Token, map[string]any{"answers": []string{"نجمه الصبح 1974", "اغنيه الاوز الابيض", "قبطان علي بحيره بعيده"}}), 201)
	require.Equal(t, h.amina.id, done.ID)
}

// F12: the person types their part where no worker can go on afterwards.
func TestAHandOverBesideTheSessionOfAWorkerIsRefused(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	sheet, o := h.withSheet(t)
	code := map[string]any{"number": o.Number, "code": o.Code}
	samir := h.harbour.person[0]
	cookie := session.CookieName + "=" + samir.token
	samir.call("POST", "/hand-over", code).refused(409, "worker-here")
	h.stranger(t).call("POST", "/hand-over", code, "Cookie", cookie).refused(409, "worker-here")
	in := ok[entered](h.stranger(t).call("POST", "/hand-over", code, "Cookie", session.CookieName+"=nobody"), 201)
	alone := h.stranger(t).as(in.Token)
	alone.call("GET", "/hand-over", nil, "Cookie", cookie).refused(409, "worker-here")
	complete := map[string]any{"sheet": sheet["sheet"], "password": newPassword}
	alone.call("POST", "/hand-over/complete", complete, "Cookie", cookie).refused(409, "worker-here")
	samir.call("DELETE", "/sessions/current", nil).done(204)
	ok[back](alone.call("POST", "/hand-over/complete", complete, "Cookie", cookie), 201)
}

func TestAWorkerLocksTheirSessionAndHandsTheDeviceOver(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	sheet, o := h.withSheet(t)
	samir := h.harbour.person[0]
	cookie := session.CookieName + "=" + samir.token
	samir.call("POST", "/staff/lock", nil).done(204)
	for _, one := range []string{"GET /staff/me", "GET " + h.harbour.about(h.amina.id), "GET /items", "DELETE /sessions/current", "POST /staff/lock"} {
		method, path, _ := strings.Cut(one, " ")
		samir.call(method, path, nil).refused(423, "locked")
	}
	in := ok[entered](h.stranger(t).call("POST", "/hand-over", map[string]any{"number": o.Number, "code": o.Code}, "Cookie", cookie), 201)
	complete := map[string]any{"sheet": sheet["sheet"], "password": newPassword}
	ok[back](h.stranger(t).as(in.Token).call("POST", "/hand-over/complete", complete, "Cookie", cookie), 201)

	unlock := func(password string) *reply {
		return samir.call("POST", "/staff/unlock", map[string]any{"password": password, "code": h.harbour.staff[0].Code()})
	}
	unlock("a guess").refused(401, "sign-in")
	samir.call("GET", "/staff/me", nil).refused(423, "locked")
	unlock(h.harbour.staff[0].Password).done(204)
	ok[struct{}](samir.call("GET", "/staff/me", nil), 200)
	samir.call("POST", "/staff/lock", nil).done(204)
	samir.as("").call("DELETE", "/staff/session", nil, "Cookie", cookie, "Sec-Fetch-Site", "cross-site").refused(403, "cross-origin")
	samir.call("DELETE", "/staff/session", nil).done(204)
	unlock(h.harbour.staff[0].Password).refused(401, "session-ended")
	samir.call("DELETE", "/staff/session", nil).refused(401, "session-ended")
	samir.as("").call("DELETE", "/staff/session", nil).refused(401, "session-ended")
	samir.as("").call("POST", "/staff/unlock", map[string]any{"password": "x"}).refused(401, "session-ended")
	h.amina.call("POST", "/staff/lock", nil).refused(401, "session-ended")
}
