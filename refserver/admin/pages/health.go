package pages

import (
	"time"

	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/check"
	"reconnect.example/vault/backup"
)

const (
	// oldBackup is the age from which a backup is too old: one is taken every night.
	oldBackup = 48 * time.Hour
	// littleDisk is the room from which the disk is too full, in bytes.
	littleDisk = 5_000_000_000
)

// finding is one line of the first page. It is said in words, with a sign beside it.
type finding struct {
	Part string // what it is about
	Says string
	Bad  bool   // somebody should look
	Open bool   // nothing is known yet
	Raw  string // what is technical: a reason in English, a flag
}

// healthView is the first page.
type healthView struct {
	Away      *refusal // the server does not answer, and why; nil: it does
	Version   string
	Started   time.Time
	Findings  []finding
	Waiting   int // requests for more space
	Unseen    string
	Directory bool // the server has relays
}

// health is the first page: how the server is, and what waits for a decision.
func (v *visit) health() error {
	var view healthView
	var h admin.Health
	if err := v.call("Operator.Health", admin.None{}, &h); err != nil {
		view.Away = v.tell(err)
	} else {
		view.Version, view.Started, view.Waiting = h.Version, h.Started, h.Waiting
		view.Unseen = v.few(h.Unseen)
		for _, p := range h.Parts {
			view.Findings = append(view.Findings, v.part(p))
		}
		view.Findings = append(view.Findings, v.sweeper(h.State), v.directoryFinding(&view))
	}
	view.Findings = append(view.Findings, v.backup(), v.disk())
	return v.show("health", view)
}

// few says a number of people so that it is about nobody.
func (v *visit) few(n int) string {
	switch {
	case n == 0:
		return ""
	case n < 10:
		return v.t("operator.few")
	}
	return v.n("operator.people", n)
}

func (v *visit) part(p admin.Part) finding {
	f := finding{Says: v.t("operator.works"), Raw: p.Problem, Bad: p.Problem != ""}
	switch p.Name {
	case "records":
		f.Part = v.t("operator.records")
	case "documents":
		f.Part = v.t("operator.documents")
	case "keys":
		f.Part = v.t("operator.keys")
	case "witness":
		f.Part = v.t("operator.witness")
		if p.Here {
			f.Says = v.t("operator.witness-here")
		}
	}
	if f.Bad {
		f.Says = v.t("operator.no-answer")
	}
	return f
}

func (v *visit) sweeper(s admin.State) finding {
	f := finding{Part: v.t("operator.sweeper")}
	switch {
	case s.SweptAt.IsZero():
		f.Says, f.Open = v.t("operator.not-swept"), true
	case s.Swept.Failed > 0:
		f.Says, f.Bad = v.t("operator.swept-left", v.When(s.SweptAt.In(v.office.zone)), s.Swept.Failed), true
	default:
		f.Says = v.t("operator.swept", v.When(s.SweptAt.In(v.office.zone)))
	}
	return f
}

// directoryFinding says which centres need somebody.
func (v *visit) directoryFinding(view *healthView) finding {
	f := finding{Part: v.t("operator.centres")}
	var r admin.Relays
	err := v.call("Operator.Relays", v.office.config.Serve.Zone, &r)
	switch {
	case err != nil && err.Error() == admin.ErrNoAuthority.Error():
		f.Says, f.Open = v.t("operator.no-centres"), true
	case err != nil:
		why := v.tell(err)
		view.Directory, f.Says, f.Raw, f.Bad = true, why.Says, why.Raw, true
	default:
		view.Directory = true
		f.Says, f.Bad = v.n("operator.in-force", r.InForce), r.Unlicensed > 0 || len(r.EndSoon) > 0 || len(r.Unmanaged) > 0 || len(r.Elsewhere) > 0 || len(r.Damaged) > 0
		for _, need := range []struct {
			count int
			says  string
		}{
			{r.Unlicensed, v.n("operator.unlicensed", r.Unlicensed)},
			{len(r.EndSoon), v.n("operator.end-soon", len(r.EndSoon))},
			{len(r.Unmanaged), v.n("operator.unmanaged", len(r.Unmanaged))},
			{len(r.Elsewhere) + len(r.Damaged), v.n("operator.unfit", len(r.Elsewhere)+len(r.Damaged))},
		} {
			if need.count > 0 {
				f.Says += " " + need.says
			}
		}
	}
	return f
}

// backup looks into the folder of backups itself: what stands there is what there is.
func (v *visit) backup() finding {
	f := finding{Part: v.t("operator.backup"), Bad: true}
	folder := v.office.config.Admin.Pages.Backups
	if folder == "" {
		return finding{Part: f.Part, Says: v.t("operator.backup-unknown"), Open: true, Raw: "--backups FOLDER"}
	}
	names, err := backup.List(folder)
	if err != nil {
		f.Says, f.Raw = v.t("operator.backup-none"), said(err)
		return f
	}
	for n := len(names) - 1; n >= 0; n-- { // the latest that is whole
		m, err := backup.ReadManifest(folder, names[n])
		if err != nil {
			continue
		}
		age := v.office.now().Sub(m.Taken)
		f.Says, f.Bad = v.t("operator.backup-age", v.When(m.Taken.In(v.office.zone)), v.age(age)), age >= oldBackup
		if len(m.Damaged) > 0 {
			f.Says, f.Bad = f.Says+" "+v.n("operator.backup-damaged", len(m.Damaged)), true
		}
		return f
	}
	f.Says = v.t("operator.backup-none")
	return f
}

func (v *visit) age(d time.Duration) string {
	if d < oldBackup {
		return v.n("operator.hours", max(0, int(d/time.Hour)))
	}
	return v.n("operator.days", int(d/(24*time.Hour)))
}

func (v *visit) disk() finding {
	f := finding{Part: v.t("operator.disk")}
	free, known := check.FreeBytes(v.office.config.Data)
	if !known {
		f.Says, f.Open = v.t("operator.disk-unknown"), true
		return f
	}
	f.Says, f.Bad = v.t("operator.disk-left", v.Size(int64(min(free, 1<<62)))), free < littleDisk //nolint:gosec // bounded
	return f
}
