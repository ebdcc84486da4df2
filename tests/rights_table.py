"""Who may see what, written out by hand: every field of the API, and every kind of row; nothing is taken from the code.

    -  nobody (no token)    I  intake clerk    H  handler    S  supervisor    A  auditor    O  holder    P  partner system

A county is C (370214, 城阳区), K (220103, 宽城区) or X (130207, no party of anything here); a holder is 1, 2 or 3 (who has
nothing). A row that is not listed for a caller looks absent.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ALL", "GRANTED", "ROWS"]

ALL: Final = "-IHSAOP"
_STAFF: Final = "IHSAOP"
_FACE: Final = "HSOP"
_MEMBERS: Final = "IHSAP"
_FOLLOW: Final = "IHSP"
_LOOKED: Final = "SAO"
_SUPERVISED: Final = "S"
_OWN: Final = "O"
_REPORTS: Final = "SAP"

GRANTED: Final[dict[str, dict[str, str]]] = {
    "Query": {
        ALL: "authority checkpoint comparison jurisdiction jurisdictions licenseType licenseTypes matter matterList matters"
        " offering offerings verify _entities",
        _STAFF: "case checklist consent consents license licenses objection objections receipt",
        _OWN: "cases",
        _LOOKED: "accessRecords",
        _SUPERVISED: "escalation",
        _REPORTS: "statistics",
        _FOLLOW: "caseEventFeed",
        _MEMBERS: "_service",
    },
    "_Service": {_MEMBERS: "sdl"},
    "Subscription": {_FOLLOW: "caseEvents"},
    "Mutation": {ALL: "submitEntries"},
    # --- a person's licenses ---
    "License": {
        _STAFF: "certificateIdentifier logIndex leafHash status statusReason statusIndex certificateIssuedDate"
        " certificateEffectiveDate certificateExpiringDate sealedAt sealedBy type issuedBy replaces replacedBy receipt"
        " standing disputed objections cases",
        _FACE: "face",
        _LOOKED: "accessRecords",
    },
    "LicenseConnection": {_STAFF: "edges pageInfo"},
    "LicenseEdge": {_STAFF: "cursor node"},
    "LicenseStanding": {_STAFF: "status asOf checkpointSize"},
    "LicenseReceipt": {_STAFF: "certificateIdentifier logIndex status result"},
    "Face": {
        _FACE: "certificateName certificateTypeName certificateTypeCode certificateNumber certificateIdentifier"
        " certificateIssuingAuthorityName certificateIssuingAuthorityCode certificateIssuedDate certificateHolderName"
        " certificateHolderCode certificateHolderTypeName certificateHolderTypeCode certificateEffectiveDate"
        " certificateExpiringDate certificateAreaCode associatedZzeCertID source asOf masked withheld extendInfo"
    },
    "FaceUnavailable": {_FACE: "code county message"},
    "AccessRecords": {_LOOKED: "records hasNextPage endCursor"},
    "AccessRecord": {_LOOKED: "position time county client useCause basis matter rootField fields licenses cases"},
    "HolderReads": {_LOOKED: "records"},
    "Consent": {
        _STAFF: "id county matterCode fields purpose expiresAt statedBy statedAt evidence revokedAt revokedBy inForce"
    },
    "ConsentConnection": {_STAFF: "edges pageInfo"},
    "ConsentEdge": {_STAFF: "cursor node"},
    "Checklist": {_STAFF: "code matter county findings"},
    "ChecklistFindings": {_STAFF: "on asOf checkpointSize complete held toBring items"},
    "ChecklistItem": {
        _STAFF: "code order name kind need state license unusable objections licenseTypes toleratedUntil provisional"
    },
    "ChecklistLicense": {
        _STAFF: "certificateIdentifier certificateTypeCode logIndex sealedBy issuedBy certificateEffectiveDate"
        " certificateExpiringDate reason"
    },
    "ChecklistObjection": {_STAFF: "id certificateTypeCode answeredBy due lamp provisional"},
    "ChecklistType": {_STAFF: "code name definerName"},
    # --- cases ---
    "Case": {
        _STAFF: "caseNumber matterCode mode stage takenInBy handledBy pickedUpAt appliedAt steppedAt stepCount head"
        " matter intakeCounty handlingCounty pickUpCounty steps clocks nextSteps uses produced"
        " appeals followUp offeringCode offering missing assistance"
    },
    "HotlineAppeal": {_STAFF: "id kind receivedBy receivedAt passedTo passedAt outcome answeredAt passOnUntil lamp"},
    "FollowUp": {_STAFF: "due lamp provisional doneAt outcome"},
    "Objection": {
        _STAFF: "id kind raisedBy raisedAt answeredBy certificateIdentifier certificateTypeCode holderKey caseNumber open"
        " outcome decidedBy decidedAt due daysLeft lamp provisional"
    },
    "ObjectionConnection": {_STAFF: "edges pageInfo"},
    "ObjectionEdge": {_STAFF: "cursor node"},
    "CaseConnection": {_OWN: "edges pageInfo"},
    "CaseEdge": {_OWN: "cursor node"},
    "CaseStep": {
        _STAFF: "sequence kind outcome county window role takenAt leafHash licenses supplied items trackingNumber"
        " rating"
    },
    "CaseClock": {
        _STAFF: "name county statutoryDays promisedDays spans ended promised statutory lamp supervisedBy supervisedAt"
    },
    "CaseAssistance": {
        _STAFF: "number kind county window role statedAt service staff toWindow toRole appointedAt subject digest"
    },
    "Escalation": {_SUPERVISED: "code page"},
    "EscalationPage": {_SUPERVISED: "clocks next"},
    "EscalatedClock": {_SUPERVISED: "caseNumber matterCode name lamp left due supervisedBy supervisedAt"},
    "LegalStep": {_STAFF: "kind outcome counties"},
    "LimitReading": {_STAFF: "days used left due lamp provisional"},
    "CaseEventFeed": {_FOLLOW: "newest"},
    "CaseEvent": {_FOLLOW: "cursor id kind caseNumber occurredAt step lamp license"},
    "CaseStepTaken": {_FOLLOW: "sequence kind outcome county"},
    "CaseLampTurned": {_FOLLOW: "clock county limit days lamp"},
    "CaseLicenseChanged": {_FOLLOW: "certificateIdentifier status reason logIndex"},
    # --- what the counties report ---
    "CountyStatistics": {_REPORTS: "code name exact periods"},
    "PeriodStatistics": {
        _REPORTS: "period takenIn online proxyIntake joint delegated takenInForOthers takenInByOthers handledForOthers"
        " intake handling pickUp materialsSpared daysSaved daysOver verifiedOfOthers verifiedByOthers objectionsOpened"
        " objectionsDecided objectionsOpen ratings"
    },
    "TimelyCounts": {_REPORTS: "ended onTime"},
    "SatisfactionCounts": {_REPORTS: "verySatisfied satisfied fairlySatisfied dissatisfied veryDissatisfied"},
    # --- the catalogue ---
    "Authority": {ALL: "code name source confidence jurisdiction"},
    "Jurisdiction": {ALL: "code name level validFrom validTo member source confidence within contains authorities"},
    "JurisdictionConnection": {ALL: "edges pageInfo"},
    "JurisdictionEdge": {ALL: "cursor node"},
    "LicenseType": {
        ALL: "code name definerCode definerName holderCategory validityYears provisional source confidence satisfies"
    },
    "LicenseTypeConnection": {ALL: "edges pageInfo"},
    "LicenseTypeEdge": {ALL: "cursor node"},
    "Material": {ALL: "code name order need toleranceDays kind satisfiedBy"},
    "Matter": {
        ALL: "code number name type mode statutoryDays promisedDays dayUnit source confidence offerings"
        " listedFrom listedUntil versions"
    },
    "ListedMatter": {ALL: "matterCode name type mode since until logIndex matter"},
    "ListedMatterConnection": {ALL: "edges pageInfo"},
    "ListedMatterEdge": {ALL: "cursor node"},
    "MatterConnection": {ALL: "edges pageInfo"},
    "MatterEdge": {ALL: "cursor node"},
    "Offering": {
        ALL: "code planEffectiveDate planCancelDate supersededOn statedAt mode statutoryDays promisedDays dayUnit visits"
        " onSiteReason fee feeStandard flow source confidence matter county materials produces"
    },
    "OfferingConnection": {ALL: "edges pageInfo"},
    "OfferingEdge": {ALL: "cursor node"},
    "MatterComparison": {ALL: "code name difference benchmark"},
    "Difference": {ALL: "on differing usualMaterials counties"},
    "CountyDifference": {
        ALL: "county offering statutoryDays promisedDays dayUnit fee mode visits materials differs more less"
    },
    "Benchmark": {ALL: "on dayUnit bestDays bestDaysCounties bestMaterials bestMaterialsCounties counties"},
    "CountyBenchmark": {ALL: "county offering daysBehind materialsBehind savableMaterials"},
    "PageInfo": {ALL: "hasNextPage hasPreviousPage startCursor endCursor"},
    # --- the ledger ---
    "Checkpoint": {ALL: "origin size root time cosigners note"},
    "Submitted": {ALL: "index leaf state receipt proof"},
    "InclusionProof": {ALL: "index path checkpoint text"},
    "Receipt": {ALL: "logIndex text"},
    "Problem": {ALL: "code kind message"},
    "Verdict": {ALL: "outcome clerk clerkText code message time age index steps claims notes"},
    "VerdictStep": {ALL: "number name state detail"},
}
"""Type -> who -> fields: whoever has no letter is refused before anything is read."""

ROWS: Final[dict[str, dict[str, str]]] = {
    "public": {"-": "-", "IHSAP": "CKX", "O": "123"},
    "statistics": {"SAP": "CKX"},
    "license of C, holder 1": {"IHSP": "CKX", "A": "C", "O": "1"},
    "license of C, holders 1 and 2": {"IHSP": "CKX", "A": "C", "O": "12"},
    "license of K, holder 1": {"IHSP": "CKX", "A": "K", "O": "1"},
    "license of K, holder 2": {"IHSP": "CKX", "A": "K", "O": "2"},
    "some license of holder 1": {"IHSP": "CKX", "A": "CK", "O": "1"},
    "checklist of holder 1": {"IHSAP": "CKX", "O": "1"},
    "missing license of C, holder 1, by K": {"IHSAP": "CK", "O": "1"},
    "reads of a license of C, holder 1": {"SA": "C", "O": "1"},
    "no reads of a license of C, holder 1": {"S": "KX"},
    "consent for C, by C, of holder 1": {"IHSAP": "C", "O": "1"},
    "consent for K, by C, of holder 1": {"IHSAP": "CK", "O": "1"},
    "some consent of holder 1": {"IHSAP": "CK", "O": "1"},
    "reads asked of holder 1": {"SA": "CK", "O": "1"},
    "reads of holder 1": {"SA": "CK", "O": "1"},
    "case of K and C, holder 1": {"IHSAP": "CK", "O": "1"},
    "page of cases of holder 1": {"O": "1"},
    "case of K alone, holder 2": {"IHSAP": "K", "O": "2"},
    "case of K and C, by a license of C": {"IHSP": "CK", "A": "C", "O": "1"},
    "case of K and C, by a license of K": {"IHSP": "CK", "A": "K", "O": "1"},
    "feed of events": {"IHSP": "CKX"},
    "subgraph": {"IHSAP": "CKX"},
    "events of the case of K and C": {"IHSP": "CK"},
    "case of K and C without a license": {"IHSAP": "CK"},
    "clocks of C": {"S": "C"},
    "page of objections": {"IHSAP": "CKX", "O": "123"},
    "objection of C to K, holder 2": {"IHSAP": "CK", "O": "2"},
    "objection of K to C, nobody known": {"IHSAP": "CK"},
    "objection of others to K, holder 2": {"IHSAP": "K", "O": "2"},
    "objections to a license of K, holder 2": {"IHSP": "CK", "A": "K", "O": "2"},
    "licenses in the case of K and C": {"IHSP": "CK", "A": "CK", "O": "1"},
    "licenses in the case of K alone": {"IHSP": "K", "A": "K", "O": "2"},
}
"""Kind of row -> role -> counties, or holders, that see it."""
