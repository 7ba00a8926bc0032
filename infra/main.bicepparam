using './main.bicep'

// azd sets the first two; the others come from `azd env set NAME value`, or keep the defaults of this file.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'usage')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param webLocation = 'westeurope'

param operatorKeySha256 = readEnvironmentVariable('OPERATOR_KEY_SHA256', '')
param operatorEmail = readEnvironmentVariable('OPERATOR_EMAIL', '')

param entraIssuer = readEnvironmentVariable('ENTRA_ISSUER', '')
param entraAudience = readEnvironmentVariable('ENTRA_AUDIENCE', '')
param entraJwksUri = readEnvironmentVariable('ENTRA_JWKS_URI', '')
param entraTenantClaim = readEnvironmentVariable('ENTRA_TENANT_CLAIM', '')

param smtpHost = readEnvironmentVariable('SMTP_HOST', '')
param smtpSecurity = readEnvironmentVariable('SMTP_SECURITY', 'starttls')
param smtpPort = readEnvironmentVariable('SMTP_PORT', '')
param smtpUser = readEnvironmentVariable('SMTP_USER', '')
param smtpSender = readEnvironmentVariable('SMTP_SENDER', '')
param ticketsUrl = readEnvironmentVariable('TICKETS_URL', '')

param privateNetwork = bool(readEnvironmentVariable('PRIVATE_NETWORK', 'false'))
param zoneRedundant = bool(readEnvironmentVariable('ZONE_REDUNDANT', 'false'))
param linkBackend = bool(readEnvironmentVariable('LINK_BACKEND', 'false'))

param cosmosAutoscaleMaxThroughput = int(readEnvironmentVariable('COSMOS_AUTOSCALE_MAX_THROUGHPUT', '0'))
param instanceMemoryMB = 2048
param maximumInstanceCount = int(readEnvironmentVariable('MAXIMUM_INSTANCE_COUNT', '100'))
param httpConcurrency = 16
param alwaysReady = []

param logRetentionDays = 30
param logDailyQuotaGb = int(readEnvironmentVariable('LOG_DAILY_QUOTA_GB', '5'))
param monthlyBudget = int(readEnvironmentVariable('MONTHLY_BUDGET', '0'))
