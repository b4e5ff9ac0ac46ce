// SPDX-License-Identifier: MIT
// Refreshes the elements that have an id and data-refresh (seconds, or never), until the reader pauses it; copies texts.
'use strict';
(() => {
    const LEAST_S = 2;
    const live = () => [...document.querySelectorAll('[id][data-refresh]:not([data-refresh="never"])')];
    const bar = document.getElementById('refreshing');
    const pause = document.getElementById('pause');
    const refreshed = document.getElementById('refreshed');
    const due = new Map();
    const seconds = (element) => Math.max(LEAST_S, Number(element.dataset.refresh) || LEAST_S);
    let paused = sessionStorage.getItem('paused') === 'yes';
    let asking = false;

    // What somebody reads by keyboard or has marked must not be taken away.
    function inUse(element) {
        const selection = document.getSelection();
        return element.contains(document.activeElement)
            || (selection && !selection.isCollapsed && selection.containsNode(element, true));
    }

    function postpone(element) {
        due.set(element.id, Date.now() + seconds(element) * 1000);
    }

    function replace(fresh) {
        for (const element of live()) {
            const other = fresh.getElementById(element.id);
            if (other && !inUse(element) && element.innerHTML !== other.innerHTML) {
                element.replaceChildren(...other.childNodes);
            }
            postpone(element);
        }
    }

    async function refresh() {
        asking = true;
        try {
            const reply = await fetch(location.href, { cache: 'no-store', signal: AbortSignal.timeout(30000) });
            const text = await reply.text();
            if (!reply.ok) {
                throw new Error(`the console answered ${reply.status}`);
            }
            replace(new DOMParser().parseFromString(text, 'text/html'));
            if (refreshed.textContent !== '') {
                refreshed.textContent = '';
            }
        } catch (error) {
            const said = 'Not refreshed: the console does not answer as it should.';
            if (refreshed.textContent !== said) {
                refreshed.textContent = said;
            }
            live().forEach(postpone);
        }
        asking = false;
    }

    function tick() {
        const now = Date.now();
        if (!paused && !asking && !document.hidden && live().some((element) => now >= due.get(element.id))) {
            refresh();
        }
    }

    function show() {
        pause.textContent = paused ? 'Resume refreshing' : 'Pause refreshing';
        for (const element of document.querySelectorAll('[aria-live]')) {
            element.setAttribute('aria-live', paused ? 'off' : 'polite');
        }
    }

    if (live().length > 0) {
        live().forEach(postpone);
        bar.hidden = false;
        show();
        pause.addEventListener('click', () => {
            paused = !paused;
            sessionStorage.setItem('paused', paused ? 'yes' : 'no');
            show();
        });
        setInterval(tick, 500);
    }

    // <button type="button" data-copy="id" hidden>: copies the text of the element with that id.
    for (const button of document.querySelectorAll('[data-copy]')) {
        button.hidden = false;
        button.addEventListener('click', async () => {
            const source = document.getElementById(button.dataset.copy);
            document.getSelection().selectAllChildren(source);
            try {
                await navigator.clipboard.writeText(source.textContent);
                button.textContent = 'Copied';
            } catch (error) {
                button.textContent = 'Selected: copy it by Ctrl-C'; // over plain http there is no clipboard
            }
        });
    }
})();
