package api

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

func TestWhatCannotBeAWayBackInIsRefusedAndNothingIsMade(t *testing.T) {
	t.Parallel()
	h := newHelpedWith(t, func(cfg *recovery.Config) {
		cfg.Offer = []vault.PathKind{vault.PathSheetRelay, vault.PathSheetDesk, vault.PathAnswersRelay, vault.PathAnswersDesk}
	})
	sheet := map[string]any{"private": true}
	alone := h.resident(t)
	alone.prepares(map[string]any{"sheet": sheet}).refused(409, "no-helper")
	h.amina.prepares(map[string]any{"sheet": sheet, "agreed": false}).refused(422, "invalid")
	h.amina.prepares(map[string]any{"sheet": sheet, "secret": map[string]any{"password": "un autre"}}).refused(401, "sign-in")
	h.amina.prepares(map[string]any{"sheet": sheet, "desk": "nonsense"}).refused(404, "not-named")
	h.amina.prepares(map[string]any{"helpers": map[string]any{"private": false}, "desk": h.line.id}).refused(409, "not-offered")
	h.amina.prepares(map[string]any{"answers": map[string]any{"private": false, "byCall": true, "questions": answers["questions"]}, "desk": h.line.id}).refused(409, "not-independent")
	weak := []map[string]any{{"text": "a", "answer": "oui"}, {"text": "b", "answer": "oui"}, {"text": "c", "answer": "oui"}}
	require.False(t, ok[Strength](h.amina.call("POST", "/recovery/strength", map[string]any{"questions": weak}), 200).Enough)
	h.amina.prepares(map[string]any{"answers": map[string]any{"private": false, "questions": weak}}).refused(422, "weak")
	review := ok[struct {
		Paths       []RecoveryPath
		Independent bool
	}](h.amina.call("GET", "/recovery", nil), 200)
	require.Empty(t, review.Paths)
	require.False(t, review.Independent)
}

func TestAPersonReviewsConfirmsAndWithdrawsTheirWaysBackIn(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	_, o := h.withSheet(t)
	pictures := ok[struct {
		Questions []string
		Pictures  []RecoveryPicture
	}](h.amina.call("GET", "/recovery/suggestions?language=en", nil), 200)
	require.NotEmpty(t, pictures.Questions)
	require.NotEmpty(t, pictures.Pictures)
	paths := ok[struct{ Paths []RecoveryPath }](h.amina.call("GET", "/recovery", nil), 200).Paths
	require.Len(t, paths, 1)
	require.Equal(t, "issued", paths[0].State)
	require.Equal(t, "Harbour", paths[0].Helpers[0].Name)
	h.amina.call("POST", "/recovery/paths/"+paths[0].ID+"/confirm", nil).done(204)
	h.amina.call("POST", "/recovery/paths/nonsense/confirm", nil).refused(404, "not-found")
	require.Equal(t, "confirmed", ok[struct{ Paths []RecoveryPath }](h.amina.call("GET", "/recovery", nil), 200).Paths[0].State)

	withdraw := map[string]any{"kinds": []string{"sheet-relay"}, "secret": map[string]any{"password": "un autre"}}
	h.amina.call("POST", "/recovery/withdraw", withdraw).refused(401, "sign-in")
	withdraw["secret"] = h.amina.secret()
	ok[struct{ Confirmed bool }](h.amina.call("POST", "/recovery/withdraw", withdraw), 200)
	withdraw["kinds"] = []string{"a-back-door"}
	h.amina.call("POST", "/recovery/withdraw", withdraw).refused(422, "invalid")
	h.enters(t, o).refused(410, "recovery-over")
	require.Empty(t, ok[struct{ Paths []RecoveryPath }](h.amina.call("GET", "/recovery", nil), 200).Paths)
}

func TestEachSideOfAHelpIsClosedToTheOthers(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	_, o := h.withSheet(t)
	samir, paul := h.harbour.person[0], h.line.person[0]
	for _, one := range []string{"GET /recovery", "GET /recovery/requests", "GET /recovery/pending", "GET /recovery/receipts", "DELETE /recovery/requests/" + o.Request.ID} {
		method, path, _ := strings.Cut(one, " ")
		samir.call(method, path, nil).refused(403, "not-allowed")
		h.stranger(t).call(method, path, nil).refused(401, "session-ended")
	}
	for _, one := range []string{"GET " + h.harbour.about(h.amina.id), "GET " + h.harbour.at("/recovery/queue"), "GET /staff/recovery/script/helpers"} {
		method, path, _ := strings.Cut(one, " ")
		h.amina.call(method, path, nil).refused(403, "staff-only")
		h.stranger(t).call(method, path, nil).refused(401, "session-ended")
	}
	// The desk was never let in by her, and knows nothing of her.
	paul.call("GET", h.line.about(h.amina.id), nil).refused(404, "not-found")
	paul.call("POST", h.line.at("/recovery/find"), map[string]any{"login": h.amina.login}).refused(404, "not-found")
	paul.call("POST", h.line.about(h.amina.id)+"/requests/"+o.Request.ID+"/cancel", map[string]any{}).refused(404, "not-found")
	h.harbour.asks(h.amina.id, "nonsense").refused(422, "invalid")
	ok[struct{ Confirmed bool }](h.harbour.person[1].call("POST", h.harbour.about(h.amina.id)+"/requests/"+o.Request.ID+"/cancel", map[string]any{"why": "she remembered it"}), 200)
	h.enters(t, o).refused(403, "hand-over-code")
}

// As on the page of a desk: a stolen session of an agent tries no more logins than a stranger.
func TestADeskTriesLoginsNoFasterThanAStrangerDoes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	h := helpedOver(t, &townOptions{recovery: independently, limits: session.LimitsConfig{StaffPerMinute: 40, Now: func() time.Time { return now }}})
	paul, find := h.line.person[0], h.line.at("/recovery/find")
	unknown := map[string]any{"login": h.resident(t).login}
	for tries := 0; ; tries++ {
		require.LessOrEqual(t, tries, 20)
		if got := paul.call("POST", find, unknown); got.Status != 404 {
			got.refused(429, "back-off")
			return
		}
	}
}
