"""Protects drafts of layouts: exports that no layout knows are placed by names and values, and no address is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from acquisition_assets.sources.layouts.draft import draft
from acquisition_assets.sources.layouts.library import matching, read_layout, shipped
from acquisition_assets.sources.layouts.records import Export, kind_of
from acquisition_assets_tests.sources.layouts_reading import read

ENGLISH = """Customer ID,Full Name,Email Address,Lifecycle Stage,Lead Source,Signup Date,Points,Last Modified
C-001,Ana Ruiz,ana@example.com,Prospect,Webinar,2025-09-01 10:00,5,2025-09-20 10:00
C-002,Bo Lind,bo@example.com,Customer,Referral,2025-09-02 11:30,9,2025-09-21 10:00
C-003,Cy Kay,cy@example.com,Contacted,Webinar,2025-09-03 12:00,3,2025-09-22 10:00
"""
SPANISH = """Código;Nombre;Correo electrónico;Etapa;Origen;Fecha de alta;Puntuación;Fecha de baja
101;Ana;ana@example.com;Nuevo;Feria;25/09/2025 10:00;3;
102;Bo;bo@example.com;En seguimiento;Web;03/09/2025 11:30;7;
103;Cy;cy@example.com;Cliente;Web;04/09/2025 12:00;;26/09/2025 09:00
"""
GERMAN = """Kundennummer;Vorname;E-Mail-Adresse;Phase;Herkunft;Erstellt am;Zuletzt geändert;Punkte
K1;Ana;ana@example.com;Neu;Messe;25.09.2025;26.09.2025;3
K2;Bo;bo@example.com;Kontaktiert;Web;03.09.2025;26.09.2025;4
K3;Cy;cy@example.com;Kunde;Web;04.09.2025;26.09.2025;8
"""
PORTUGUESE = """ID da mensagem,Destinatário,Ação,Data e hora,Campanha
m1,ana@example.com,Enviado,1758873600,Outono
m1,ana@example.com,Aberto,1758879000,Outono
m2,bo@example.com,Clique,1758873800,Outono
m2,bo@example.com,Entregue,1758873601,Outono
"""
NESTED = json.dumps(
    {
        "meta": {"page": 1},
        "data": {
            "events": [
                {
                    "eventId": f"x{number}",
                    "user": {"email": email, "id": number},
                    "event": {"type": kind},
                    "timestamp": f"2025-09-26T08:0{number}:00Z",
                    "message": {"message_id": "m1"},
                }
                for number, email, kind in (
                    (1, "ana@example.com", "email_sent"),
                    (2, "ana@example.com", "link_clicked"),
                    (3, "bo@example.com", "hard_bounce"),
                )
            ]
        },
    }
)


ADDRESSES_ONLY = """email;estado;nombre;fecha_alta;fecha_baja;puntos;procedencia
ana@example.com;activo;Ana;25/09/2025 10:00:00;;10;formulario
bo@example.com;baja;Bo;03/09/2025 11:30:00;26/09/2025 09:00:00;3;web
"""
WEBHOOK = json.dumps(
    {
        "payload": [
            {
                "kind": f"message.{kind}",
                "at": 1758873600000,
                "contact": {"address": "ana@example.com"},
                "message": {"uid": "m1"},
                "campaign": {"uid": "c1"},
            }
            for kind in ("sent", "opened", "link_clicked")
        ]
    }
)


@pytest.mark.parametrize(
    ("name", "text", "table", "columns", "rows"),
    [
        (
            "contacts_2025-09-28.csv",
            ENGLISH,
            "leads",
            "lead_id email status source created_at updated_at engagement_score",
            [("C-001", "ana@example.com", "new", "Webinar", "2025-09-01 10:00", "2025-09-20 10:00", "5")],
        ),
        (
            "contactos.csv",
            SPANISH,
            "leads",
            "lead_id email status source created_at engagement_score unsubscribed_at",
            [
                ("101", "ana@example.com", "new", "Feria", "2025-09-25 10:00:00", "3", None),
                ("102", "bo@example.com", "nurturing", "Web", "2025-09-03 11:30:00", "7", None),
                ("103", "cy@example.com", "converted", "Web", "2025-09-04 12:00:00", None, "2025-09-26 09:00:00"),
            ],
        ),
        (
            "kontakte.csv",
            GERMAN,
            "leads",
            "lead_id status created_at updated_at engagement_score",
            [("K1", "new", "2025-09-25 00:00:00", "2025-09-26 00:00:00", "3")],
        ),
        (
            "eventos.csv",
            PORTUGUESE,
            "events",
            "delivery_id lead_id event_type occurred_at content_id",
            [
                ("m1", "ana@example.com", "sent", "2025-09-26 08:00:00+00", "Outono"),
                ("m1", "ana@example.com", "opened", "2025-09-26 09:30:00+00", "Outono"),
                ("m2", "bo@example.com", "clicked", "2025-09-26 08:03:20+00", "Outono"),
                ("m2", "bo@example.com", "ignore", "2025-09-26 08:00:01+00", "Outono"),
            ],
        ),
        (
            "log.json",
            NESTED,
            "events",
            "event_id lead_id event_type occurred_at delivery_id",
            [
                ("x1", "ana@example.com", "sent", "2025-09-26T08:01:00Z", "m1"),
                ("x2", "ana@example.com", "clicked", "2025-09-26T08:02:00Z", "m1"),
                ("x3", "bo@example.com", "bounced", "2025-09-26T08:03:00Z", "m1"),
            ],
        ),
        (
            "suscriptores.csv",
            ADDRESSES_ONLY,
            "leads",
            "lead_id status created_at unsubscribed_at source",
            [
                ("ana@example.com", "nurturing", "2025-09-25 10:00:00", None, "formulario"),
                ("bo@example.com", "inactive", "2025-09-03 11:30:00", "2025-09-26 09:00:00", "web"),
            ],
        ),
        (
            "hook.json",
            WEBHOOK,
            "events",
            "lead_id event_type occurred_at delivery_id content_id",
            [("ana@example.com", kind, "2025-09-26 08:00:00+00", "m1", "c1") for kind in ("sent", "opened", "clicked")],
        ),
    ],
    ids=["english", "spanish", "german", "portuguese", "nested", "addresses only", "nested times and ids"],
)
def test_a_draft_reads_its_export_without_an_edit(
    tmp_path: Path, name: str, text: str, table: str, columns: str, rows: list[tuple[Any, ...]]
) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / name).write_text(text, encoding="utf-8")
    export = Export(folder / name, kind_of(folder / name) or "", None)
    assert not matching(export, shipped()), "it must be an export that no shipped layout knows"
    drafted = draft(export)
    assert "example.com" not in drafted
    assert "Ana" not in drafted
    assert "# check" in drafted
    own = tmp_path / "own.yaml"
    own.write_text(drafted, encoding="utf-8")
    found = read(folder, [read_layout(own)]).rows[table]
    assert [tuple(row.get(column) for column in columns.split()) for row in found][: len(rows)] == rows


def test_a_time_that_can_be_read_both_ways_is_left_to_the_person(tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    path.write_text("Id,Status,Created\n1,Lead,03/04/2025\n2,Lead,05/06/2025\n", encoding="utf-8")
    assert 'time: ["%d/%m/%Y", "%m/%d/%Y"]' in draft(Export(path, "csv", None))
