package harness

import (
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// ColourScheme makes the browser prefer "light" or "dark".
func (t *Tab) ColourScheme(scheme string) {
	t.tb.Helper()
	_, err := chromedp.Call(t.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		t.tb.Fatalf("colour scheme: %v", err)
	}
}

// Phone gives the tab the size and the touch screen of a small phone.
func (t *Tab) Phone() {
	t.tb.Helper()
	t.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2)))
}

// DisableCache makes every load of the tab a first visit.
func (t *Tab) DisableCache() {
	t.tb.Helper()
	if _, err := chromedp.Call(t.ctx, network.Enable, network.EnableParams{}); err != nil {
		t.tb.Fatalf("network domain: %v", err)
	}
	if _, err := chromedp.Call(t.ctx, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}); err != nil {
		t.tb.Fatalf("cache: %v", err)
	}
}
