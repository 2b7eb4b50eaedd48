package web

import (
	"errors"
	"time"

	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// askedFor is what somebody should know first about ways back in: who asked to get into
// their space, and what is not open since they came back.
func (v *visit) askedFor(o vault.Overview) (all []noticeView, err error) {
	if v.pages.Recovery == nil {
		return nil, nil
	}
	requests, err := v.pages.Recovery.Own(v.ctx(), v.vault)
	if errors.Is(err, vault.ErrWitnessAway) { // the first screen says that it is
		err = nil
	}
	if err != nil {
		return nil, err
	}
	for _, r := range requests {
		if n, shown := v.requestNotice(r); shown {
			all = append(all, n)
		}
	}
	if o.NoWayBack && !v.closing() {
		all = append(all, noticeView{Title: v.t("home.no-way"), Means: v.t("home.no-way-means"), Link: "/ways/sheet", Words: v.t("making.sheet"), First: true})
	}
	if o.Locked == 0 {
		return all, nil
	}
	n := noticeView{Title: v.n("locked.count", o.Locked), Means: v.t("home.locked-means"), Link: "/locked", Words: v.t("locked.open")}
	later, err := v.pending()
	if err != nil {
		return nil, err
	}
	if later != nil && later.Wait > 0 {
		n.Means += " " + v.t("home.pending", v.when(v.now().Add(later.Wait)))
	} else if later != nil {
		n.Means += " " + v.t("home.pending-now")
	}
	return append(all, n), nil
}

// requestShows is for how long a request that is over is told.
const requestShows = 14 * 24 * time.Hour

// told says whether a request that has ended is still told. When a sign-in ended it, nobody
// noted: it was before it would have expired.
func told(r recovery.Request, now time.Time) bool {
	if r.Ended.IsZero() {
		return now.Before(r.Until)
	}
	return now.Before(r.Ended.Add(requestShows))
}

func (v *visit) requestNotice(r recovery.Request) (noticeView, bool) {
	view := v.request(r)
	fresh := told(r, v.now())
	means := v.t("asked.by", v.when(r.Opened), view.By, view.Way)
	switch {
	case r.State == recovery.StateOpen:
		return noticeView{
			Title: v.t("asked.open"), Means: means + " " + v.t("asked.open-means"), Link: "/journal", Words: v.t("journal.title"),
			Post: "/ways/requests/" + view.ID + "/cancel", Button: v.t("asked.cancel"),
		}, true
	case r.State == recovery.StateLater, r.State == recovery.StateDone && fresh:
		return noticeView{Title: v.t("asked.done"), Means: means + " " + v.t("asked.done-means"), Link: "/back/done", Words: v.t("asked.make")}, true
	case r.State == recovery.StateCancelled && r.Later:
		return noticeView{Title: v.t("asked.private-stopped"), Means: v.t("asked.private-stopped-means"), Link: "/locked", Words: v.t("locked.open")}, true
	case r.State == recovery.StateCancelled && fresh:
		return noticeView{Title: v.t("asked.stopped"), Means: means + " " + v.t("asked.stopped-means"), Link: "/ways", Words: v.t("ways.title")}, true
	}
	return noticeView{}, false
}

// cancelOwn ends a request about oneself.
func (p *pages) cancelOwn(v *visit) error {
	id, err := vault.ParseItemID(v.r.PathValue("request"))
	if err != nil {
		return vault.ErrNotFound
	}
	err = p.Recovery.CancelOwn(v.ctx(), v.vault, id)
	if err != nil && !isDone(err) && !errors.Is(err, recovery.ErrRequest) && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	return v.goTo("/", "request-stopped")
}
