metadata description = 'What wakes an operator: losses, lag, differences, errors and throttling.'

@description('Name of the action group; the rules are named after it.')
param name string

@description('Region of the query rules.')
param location string

@description('Tags.')
param tags object

@description('Mail address of the operators; empty for none.')
param operatorEmail string

@description('Workspace that is asked.')
param workspaceId string

@description('Cosmos DB account that is watched.')
param cosmosId string

@description('Storage account that is watched.')
param storageId string

@description('Failed requests (5xx) in five minutes that are still normal.')
@minValue(0)
param serverErrorThreshold int

@description('Throttled requests in five minutes that are still normal: the clients repeat them.')
@minValue(0)
param throttlingThreshold int

// What the queries look for stands in the code: function names and log messages. A test compares them.
var queryRules = [
  {
    name: 'rejects'
    title: 'Usage events were rejected'
    severity: 2
    query: 'AppTraces | where Message matches regex "accepted [0-9]+, duplicates [0-9]+, rejected [1-9]"'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT15M'
    frequency: 'PT15M'
  }
  {
    name: 'poison'
    title: 'A message could not be handled and was kept as a reject'
    severity: 1
    query: 'AppTraces | where Message startswith "poison message kept as reject"'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT15M'
    frequency: 'PT5M'
  }
  {
    name: 'fold-lag'
    title: 'Nothing has been folded for a quarter of an hour: views get slow and dear'
    severity: 1
    query: 'AppRequests | where Name == "fold_days" and Success == true'
    operator: 'LessThan'
    threshold: 1
    window: 'PT15M'
    frequency: 'PT15M'
  }
  {
    name: 'seal-lag'
    title: 'Ended days have not been sealed for three hours'
    severity: 2
    query: 'AppRequests | where Name == "seal_days" and Success == true'
    operator: 'LessThan'
    threshold: 1
    window: 'PT3H'
    frequency: 'PT15M'
  }
  {
    name: 'seal-differences'
    title: 'A rollup was not the sum of its segments, and was repaired'
    severity: 1
    query: 'AppTraces | where Message has "it was not the sum of its segments"'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT1H'
    frequency: 'PT15M'
  }
  {
    name: 'alerts-lag'
    title: 'Alert rules of tenants have not been looked at for half an hour'
    severity: 1
    query: 'AppRequests | where Name == "evaluate_alerts" and Success == true'
    operator: 'LessThan'
    threshold: 1
    window: 'PT30M'
    frequency: 'PT15M'
  }
  {
    name: 'notifications-poison'
    title: 'A notification of an alert could not be handled'
    severity: 1
    query: 'AppTraces | where Message startswith "a notification could not be handled"'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT15M'
    frequency: 'PT5M'
  }
  {
    name: 'notifications-failed'
    title: 'Mails or tickets of alerts were given up after all attempts'
    severity: 2
    query: 'AppTraces | where Message matches regex "^[a-z]+ by (email|ticket): failed"'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT1H'
    frequency: 'PT15M'
  }
  {
    name: 'server-errors'
    title: 'The API answers with errors of its own (5xx)'
    severity: 1
    query: 'AppRequests | where toint(ResultCode) >= 500'
    operator: 'GreaterThan'
    threshold: serverErrorThreshold
    window: 'PT5M'
    frequency: 'PT5M'
  }
  {
    name: 'failures'
    title: 'Queue or timer functions fail'
    severity: 2
    query: 'AppRequests | where Success == false and isempty(Url)'
    operator: 'GreaterThan'
    threshold: 10
    window: 'PT15M'
    frequency: 'PT15M'
  }
]

var throttlingRules = [
  {
    name: 'cosmos-throttling'
    title: 'Cosmos DB throttles (429): raise the autoscale maximum, or look for a hot tenant'
    scope: cosmosId
    namespace: 'Microsoft.DocumentDB/databaseAccounts'
    metric: 'TotalRequests'
    aggregation: 'Count'
    dimension: 'StatusCode'
    values: [
      '429'
    ]
  }
  {
    name: 'storage-throttling'
    title: 'Storage throttles: see docs/capacity.md'
    scope: storageId
    namespace: 'Microsoft.Storage/storageAccounts'
    metric: 'Transactions'
    aggregation: 'Total'
    dimension: 'ResponseType'
    values: [
      'ClientThrottlingError'
      'ClientAccountRequestThrottlingError'
      'ClientAccountBandwidthThrottlingError'
      'ServerBusyError'
    ]
  }
]

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'usage-ops'
    enabled: true
    emailReceivers: empty(operatorEmail) ? [] : [{ name: 'operators', emailAddress: operatorEmail, useCommonAlertSchema: true }]
  }
}

resource queryAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in queryRules: {
  name: '${name}-${rule.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: rule.title
    severity: rule.severity
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: rule.frequency
    windowSize: rule.window
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: rule.operator
          threshold: rule.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    skipQueryValidation: true
    actions: {
      actionGroups: [
        operators.id
      ]
    }
  }
}]

resource metricAlerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [for rule in throttlingRules: {
  name: '${name}-${rule.name}'
  location: 'global'
  tags: tags
  properties: {
    description: rule.title
    severity: 2
    enabled: true
    scopes: [
      rule.scope
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'throttled'
          metricNamespace: rule.namespace
          metricName: rule.metric
          timeAggregation: rule.aggregation
          operator: 'GreaterThan'
          threshold: throttlingThreshold
          dimensions: [
            {
              name: rule.dimension
              operator: 'Include'
              values: rule.values
            }
          ]
        }
      ]
    }
    autoMitigate: true
    actions: [
      {
        actionGroupId: operators.id
      }
    ]
  }
}]

@description('Resource id of the action group.')
output actionGroupId string = operators.id
