"""What a campaign brought, against those who were held out."""

from notifications.reports.campaign import CampaignReport, campaign_report

__all__ = ["CampaignReport", "campaign_report"]
