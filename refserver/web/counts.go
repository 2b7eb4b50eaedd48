package web

import (
	"bytes"
	"strconv"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
)

// countsCSV is what a manager sends to who pays for the relay: numbers by month, none of
// them below ten, and nothing about anybody.
func (p *pages) countsCSV(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		all, err := post.Monthly(v.ctx())
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := consent.WriteCountsCSV(&out, all); err != nil {
			return err
		}
		v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		v.w.Header().Set("Content-Disposition", safename.Attachment(v.t("counts.file")+".csv"))
		v.w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
		_, err = v.w.Write(out.Bytes())
		return err
	})
}
