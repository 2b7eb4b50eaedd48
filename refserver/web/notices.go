package web

import (
	"slices"

	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// noticeView is something that the person should know first, with where to act.
type noticeView struct {
	Title, Means string
	Link, Words  string // a page to look at; "": none
	Post, Button string // what a tap does; "": nothing
	First        bool   // the page to look at is what to do next
}

// notices puts everything that the person should know first into words. What this
// version has no words for is shown by its code, never left out.
func (v *visit) notices(o vault.Overview) ([]noticeView, error) {
	var death vault.DeathRecord
	if slices.Contains(o.Notices, vault.NoticeDeathRecorded) {
		var err error
		if death, err = v.vault.DeathRecord(v.ctx()); err != nil {
			return nil, err
		}
	}
	var all []noticeView
	for _, code := range o.Notices {
		all = append(all, v.notice(code, o, death)...)
	}
	return all, nil
}

func (l *language) notice(code vault.NoticeCode, o vault.Overview, death vault.DeathRecord) []noticeView {
	switch code {
	case vault.NoticeWitnessAway:
		return []noticeView{{Title: l.t("home.witness-away")}}
	case vault.NoticeDamaged:
		return []noticeView{{Title: l.t("layout.damaged"), Link: "/take", Words: l.t("take.title")}}
	case vault.NoticeClosing:
		return []noticeView{{Title: l.t("home.closing", l.when(o.ErasedAt)), Link: "/take", Words: l.t("take.title"), Post: "/reopen", Button: l.t("home.reopen")}}
	case vault.NoticeRestored:
		title := l.t("home.restored-unknown")
		if !o.RestoredTo.IsZero() {
			title = l.t("home.restored", l.when(o.RestoredTo))
		}
		return []noticeView{{Title: title, Means: l.t("home.restored-means"), Post: "/restored", Button: l.t("home.restored-known")}}
	case vault.NoticeDepositMissing:
		return []noticeView{{Title: l.t("home.deposit-missing"), Means: l.t("home.deposit-missing-means"), Link: "/deposits", Words: l.t("deposits.look")}}
	case vault.NoticeLeftByLink:
		return []noticeView{{Title: l.t("home.left-by-link"), Link: "/deposits", Words: l.t("deposits.title")}}
	case vault.NoticeUnseen:
		return []noticeView{{Title: l.t("home.unseen", l.Month(o.UnseenSince.UTC())), Means: l.t("home.unseen-means"), Link: "/journal", Words: l.t("journal.title")}}
	case vault.NoticeDeathRecorded:
		by := l.t("home.death-by", safename.Line(death.By), safename.Line(death.Organisation), l.when(death.Recorded), safename.Line(death.Evidence))
		return []noticeView{{
			Title: l.t("home.death"), Means: by + " " + l.t("home.death-means"),
			Link: "/wishes", Words: l.t("wishes.title"), Post: "/alive", Button: l.t("home.death-untrue"),
		}}
	}
	return []noticeView{{Title: string(code)}}
}

// alive says that the record of a death is not true. It was void since the sign-in;
// now it is not shown any more.
func (p *pages) alive(v *visit) error {
	if err := v.vault.DismissDeathRecord(v.ctx()); err != nil {
		return err
	}
	return v.goTo("/", "alive")
}
