package web

import (
	"cmp"
	"slices"
	"time"

	"reconnect.example/internal/safename"
	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// waysReceipt is what the person agreed to about their ways back in, or took away.
type waysReceipt struct {
	At     time.Time
	Given  []receiptWay
	Gone   []string // in words
	Notice string   // version of the words that were read; "": none were
}

// receiptWay is one path that they said yes to.
type receiptWay struct{ Words, Opens, Wait string }

// waysReceipts lists them, the newest first, on a page that can be printed.
func (p *pages) waysReceipts(v *visit) error {
	kept, err := p.Recovery.Receipts(v.ctx(), v.vault)
	if err != nil {
		return err
	}
	slices.SortStableFunc(kept, func(a, b recovery.Receipt) int { return cmp.Compare(b.At.UnixMilli(), a.At.UnixMilli()) })
	var all []waysReceipt
	for _, r := range kept {
		one := waysReceipt{At: r.At, Notice: safename.Line(r.Notice)}
		for _, g := range r.Given {
			w := receiptWay{Words: v.wayWords(g.Kind), Opens: v.opensWords(vault.Path{Private: g.Private, Waits: g.Waits}), Wait: v.t("ways.at-once")}
			if g.Waits[0] > 0 {
				w.Wait = v.t("ways.after", v.lasting(g.Waits[0]))
			}
			one.Given = append(one.Given, w)
		}
		for _, kind := range r.Withdrawn {
			one.Gone = append(one.Gone, v.wayWords(kind))
		}
		all = append(all, one)
	}
	return v.show("ways-receipts", all)
}
